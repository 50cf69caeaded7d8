package transcode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell returns a Program that runs script.
func shell(script string) *Program {
	return &Program{Binary: "/bin/sh", Args: []string{"-c", script}, Grace: 200 * time.Millisecond}
}

// collect returns an output that keeps what it reads.
func collect(into *bytes.Buffer) func(io.Reader) error {
	return func(r io.Reader) error {
		_, err := io.Copy(into, r)
		return err
	}
}

// endless feeds until the program does not want any more.
func endless(_ context.Context, w *os.File) error {
	for {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			return err
		}
	}
}

func TestProgramTakesAllItsInput(t *testing.T) {
	t.Parallel()
	var a, b bytes.Buffer
	p := shell("cat >&3; echo done >&4")
	p.Feed = func(_ context.Context, w *os.File) error {
		_, err := w.WriteString("hello")
		return err
	}
	p.Outputs = []func(io.Reader) error{collect(&a), collect(&b)}
	require.NoError(t, p.Run(t.Context()))
	require.Equal(t, "hello", a.String())
	require.Equal(t, "done\n", b.String())
}

func TestProgramWithoutInputTakesItsTime(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := shell("sleep 1; echo done >&3")
	p.Grace = time.Millisecond
	p.Outputs = []func(io.Reader) error{collect(&out)}
	require.NoError(t, p.Run(t.Context()))
	require.Equal(t, "done\n", out.String())
}

func TestProgramTellsHowItFailed(t *testing.T) {
	t.Parallel()
	p := shell("echo no such thing >&2; exit 3")
	p.Feed = endless
	err := p.Run(t.Context())
	var exit *ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, "no such thing", exit.Stderr)
	require.ErrorContains(t, err, "exit status 3")
}

func TestProgramThatEndsBeforeItsInputHasFailed(t *testing.T) {
	t.Parallel()
	p := shell("exit 0")
	p.Feed = func(ctx context.Context, _ *os.File) error {
		<-ctx.Done() // the program's end is told
		return ctx.Err()
	}
	require.ErrorIs(t, p.Run(t.Context()), errEarly)
}

func TestProgramIsKilledWithAllItStarted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := shell("trap '' INT; echo up >&3; sleep 1000 & cat >/dev/null & wait; sleep 1000")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	p.Feed = endless
	p.Outputs = []func(io.Reader) error{func(r io.Reader) error {
		_, err := io.ReadFull(r, make([]byte, 3))
		cancel(stop)
		return errors.Join(err, collect(&out)(r)) // ends only when nobody can write to it
	}}
	require.ErrorIs(t, p.Run(ctx), stop)
}

func TestProgramThatDoesNotFinishIsKilled(t *testing.T) {
	t.Parallel()
	p := shell("cat >/dev/null; trap '' INT; sleep 1000")
	p.Feed = func(context.Context, *os.File) error { return nil }
	var exit *ExitError
	require.ErrorAs(t, p.Run(t.Context()), &exit)
}

func TestFailureOfAnOutputEndsTheProgram(t *testing.T) {
	t.Parallel()
	bad := errors.New("garbage")
	p := shell("echo junk >&3; cat >/dev/null")
	p.Feed = endless
	p.Outputs = []func(io.Reader) error{func(io.Reader) error { return bad }}
	require.ErrorIs(t, p.Run(t.Context()), bad)
}

func TestFailureOfTheFeedEndsTheProgram(t *testing.T) {
	t.Parallel()
	p := shell("sleep 1000")
	p.Feed = func(_ context.Context, w *os.File) error {
		if err := w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			return err
		}
		return endless(t.Context(), w)
	}
	require.ErrorIs(t, p.Run(t.Context()), os.ErrDeadlineExceeded)
}

func TestMissingProgram(t *testing.T) {
	t.Parallel()
	p := &Program{Binary: "/nowhere/ffmpeg", Feed: endless, Outputs: []func(io.Reader) error{collect(new(bytes.Buffer))}}
	err := p.Run(t.Context())
	require.ErrorIs(t, err, ErrStart)
	require.ErrorContains(t, err, "/nowhere/ffmpeg")
}

func TestTailKeepsTheEnd(t *testing.T) {
	t.Parallel()
	var b tail
	for range 3 {
		_, _ = b.Write([]byte(strings.Repeat("x", 3000)))
	}
	_, _ = b.Write([]byte("last words\n"))
	require.True(t, strings.HasSuffix(b.String(), "xlast words"))
	require.LessOrEqual(t, len(b.String()), tailBytes)
	_, _ = b.Write([]byte(strings.Repeat("y", 9000)))
	require.Equal(t, strings.Repeat("y", tailBytes), b.String())
}
