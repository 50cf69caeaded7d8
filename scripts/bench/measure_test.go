package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMemoryFilesAreCountedOnce(t *testing.T) {
	t.Parallel()
	fd, err := unix.MemfdCreate("bench-test", unix.MFD_CLOEXEC)
	require.NoError(t, err)
	f := os.NewFile(uintptr(fd), "memfd")
	defer f.Close()
	again, err := unix.Dup(fd)
	require.NoError(t, err)
	defer unix.Close(again)
	_, err = f.Write(make([]byte, 1<<20))
	require.NoError(t, err)

	u, err := measure(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, int64(1<<20), u.memfd)
	require.Positive(t, u.rss)
	require.Positive(t, u.threads)

	_, err = measure(-1)
	require.Error(t, err)
}

func TestBareArgumentsKeepTheEncoding(t *testing.T) {
	t.Parallel()
	args := []string{
		"ffmpeg", "-threads", "1", "-f", "matroska", "-i", "pipe:0", "-c:v", "libx264", "-f", "flv", "pipe:3",
		"-f", "image2", "/data/thumb.jpg",
	}
	got, err := bareArguments(args, "clip.flv", "/tmp/x")
	require.NoError(t, err)
	require.Equal(t, []string{
		"ffmpeg", "-y", "-threads", "1", "-re", "-stream_loop", "-1", "-i", "clip.flv", "-c:v", "libx264", "-f", "flv",
		"/dev/null", "-f", "image2", "/tmp/x/thumb.jpg",
	}, got)
	_, err = bareArguments([]string{"ffmpeg"}, "clip.flv", "/tmp/x")
	require.Error(t, err)
}

func TestResultsHaveRatios(t *testing.T) {
	t.Parallel()
	var r results
	r.add(result{Scenario: "s", What: "w", Unit: "MB", Bandstand: 3, Peer: 4, PeerName: "nginx"})
	r.add(result{Scenario: "s", What: "alone", Unit: "ms", Bandstand: 115})
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "r.json")
	require.NoError(t, r.write(&out, file))
	require.Contains(t, out.String(), "| 4 (nginx) | 0.75")
	require.Contains(t, out.String(), "| 115")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), `"ratio": 0.75`)
}

func TestAddressesResolve(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"a/b.m4s":  "/live/x/a/b.m4s",
		"../c.m4s": "/live/c.m4s",
		"/d.m4s":   "/d.m4s",
	} {
		require.Equal(t, want, join("/live/x/index.m3u8", uri))
	}
}
