package transcode

import (
	"context"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

const orphanTest = "TRANSCODE_ORPHAN_TEST"

// TestNothingOutlivesUs kills a process that runs a Program which takes no notice of
// its standard input, and waits until nobody holds the pipe that both have.
func TestNothingOutlivesUs(t *testing.T) {
	t.Parallel()
	if os.Getenv(orphanTest) != "" {
		p := shell("trap '' HUP; echo up >&4; exec sleep 1000")
		p.Feed = endless
		p.Outputs = []func(io.Reader) error{
			// Descriptor 3 of the program; the pipe of the test is 4 in both.
			func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err },
		}
		require.NoError(t, p.Run(context.Background()))
		return
	}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	//nolint:gosec // this test, once more
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingOutlivesUs$")
	cmd.Env = append(os.Environ(), orphanTest+"=1")
	cmd.ExtraFiles = []*os.File{w, w}
	require.NoError(t, cmd.Start())
	w.Close()
	_, err = io.ReadFull(r, make([]byte, 3))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	_, err = io.Copy(io.Discard, r)
	require.NoError(t, err)
}
