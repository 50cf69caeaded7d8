package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db/dbtest"
)

// tour is what a new user does, as the documentation has it.
const tour = "../../docs/api-tour.md"

// TestTourOfTheAPI does what docs/api-tour.md says, line by line, on each database.
func TestTourOfTheAPI(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(tour)
	require.NoError(t, err)
	script := shellOf(string(text))
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := startServer(t, "BANDSTAND_DB_URL="+url, "BANDSTAND_TRANSCODE_ENABLED=false",
			"BANDSTAND_MAIL_TRANSPORT=files", "BANDSTAND_BROADCASTS_RESUME=10s")
		output, line, err := s.shell(t, script)
		if err != nil {
			lines := strings.Split(string(text), "\n")
			t.Fatalf("%s:%d: %v\n\n\t%s\n\n%s", tour, line, err, lines[max(line, 1)-1], output)
		}
	})
}

func TestShellOfKeepsLineNumbers(t *testing.T) {
	t.Parallel()
	got := shellOf("# Tour\n```sh\necho a\n```\n```console\n$ no\n```\n```sh\necho b\n```\n")
	require.Equal(t, "\n\necho a\n\n\n\n\n\necho b\n\n", got)
}

// shellOf returns the sh blocks of a document, each line where it is there.
func shellOf(markdown string) string {
	var script strings.Builder
	fence := ""
	for line := range strings.Lines(markdown) {
		info, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && fence == "":
			fence = "```" + info
		case isFence:
			fence = ""
		case fence == "```sh":
			script.WriteString(strings.TrimSuffix(line, "\n"))
		}
		script.WriteByte('\n')
	}
	return script.String()
}

// shell runs a script beside the server, with bandstand in its path. When it fails it
// returns what it wrote, and the line that it was at.
func (s *server) shell(t *testing.T, script string) (output string, line int, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "bandstand")))
	file, at := filepath.Join(dir, "tour.sh"), filepath.Join(dir, "at")
	// Each line is noted before it runs, so that it is known also when the script has
	// to be stopped. The script's first line is empty: it begins with a heading.
	script = fmt.Sprintf("set -euo pipefail; trap 'echo $LINENO > %s' DEBUG%s", at, script)
	require.NoError(t, os.WriteFile(file, []byte(script), 0o600))

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", file)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"B=" + s.URL(""), "RTMP=" + strings.TrimSuffix(s.RTMPURL(""), "/"), "MAIL=" + filepath.Join(s.dir, "mail"), "TMPDIR=" + dir,
	}, s.env...)
	cmd.Env = append(cmd.Env, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel, cmd.WaitDelay = end, 5*time.Second
	err = cmd.Run()
	_ = end() // publishers, if any are left
	if ctx.Err() != nil {
		err = errors.Join(errors.New("it takes too long"), err)
	}
	if err == nil {
		return "", 0, nil
	}
	noted, readErr := os.ReadFile(at)
	require.NoError(t, readErr)
	line, convErr := strconv.Atoi(strings.TrimSpace(string(noted)))
	require.NoError(t, convErr)
	return said.String(), line, err
}
