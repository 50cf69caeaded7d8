package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ladder compares the whole program with a ladder to the bare ffmpeg command that
// it runs, fed from a file.
func (b *bench) ladder(ctx context.Context) error {
	if b.bandstand == "" {
		return nil
	}
	c, err := makeClip(ctx, b.dir, ladderPicture)
	if err != nil {
		return err
	}
	own, args, err := b.ladderOfBandstand(ctx, c)
	if err != nil {
		return err
	}
	bare, err := b.ladderOfFFmpeg(ctx, c, args)
	if err != nil {
		return err
	}
	b.results.add(result{
		Scenario: "ladder of 1080p30", What: "program and ffmpeg", Unit: "% of a core",
		Bandstand: 100 * own.whole, Peer: 100 * bare.whole, PeerName: "bare ffmpeg", Aim: "ratio ≤ 1.05",
	})
	b.results.add(result{
		Scenario: "ladder of 1080p30", What: "its ffmpeg alone", Unit: "% of a core",
		Bandstand: 100 * (own.whole - own.own), Peer: 100 * bare.whole, PeerName: "bare ffmpeg",
	})
	return nil
}

// shares are parts of a core that a process tree uses.
type shares struct {
	whole, own float64 // with its children; without
}

// ladderOfBandstand returns the share of a core that the program and its ffmpeg
// use, and the arguments that ffmpeg got.
func (b *bench) ladderOfBandstand(ctx context.Context, c *clip) (share shares, args []string, err error) {
	s, err := b.startBandstand(ctx)
	if err != nil {
		return share, nil, err
	}
	_, keys, err := s.channels(ctx, 1)
	if err != nil {
		return share, nil, errors.Join(err, s.stop())
	}
	err = newLoad(c, false).during(ctx, s.rtmp, keys, func(ctx context.Context) error {
		if err := pause(ctx, 10*time.Second); err != nil {
			return err
		}
		if share, err = b.share(ctx, s.cmd.Process.Pid); err != nil {
			return err
		}
		args, err = childArguments(s.cmd.Process.Pid)
		return err
	})
	return share, args, errors.Join(err, s.stop())
}

// share measures a process tree over the plan's window.
func (b *bench) share(ctx context.Context, pid int) (shares, error) {
	before, err := measure(pid)
	if err != nil {
		return shares{}, err
	}
	began := time.Now()
	if err := pause(ctx, b.window); err != nil {
		return shares{}, err
	}
	after, err := measure(pid)
	seconds := time.Since(began).Seconds()
	return shares{(after.cpu - before.cpu).Seconds() / seconds, (after.own - before.own).Seconds() / seconds}, err
}

// childArguments returns the command line of the ffmpeg below a process.
func childArguments(root int) ([]string, error) {
	for _, s := range tree(root)[1:] {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.pid))
		args := strings.Split(string(bytes.TrimSuffix(raw, []byte{0})), "\x00")
		if err == nil && filepath.Base(args[0]) == "ffmpeg" {
			return args, nil
		}
	}
	return nil, errors.New("no ffmpeg is running")
}

func (b *bench) ladderOfFFmpeg(ctx context.Context, c *clip, args []string) (shares, error) {
	args, err := bareArguments(args, c.path, b.dir)
	if err != nil {
		return shares{}, err
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", b.core}, args...)...) //nolint:gosec // the ladder's own arguments
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return shares{}, err
	}
	err = pause(ctx, 5*time.Second)
	var share shares
	if err == nil {
		share, err = b.share(ctx, cmd.Process.Pid)
	}
	if err != nil {
		err = fmt.Errorf("bare ffmpeg: %w: %.500s", err, stderr.String())
	}
	_ = cmd.Process.Kill() // it would loop for ever
	_ = cmd.Wait()
	return share, err
}

// bareArguments makes a command line of its own out of that of a ladder: the clip
// in real time instead of the pipe in, nothing instead of the pipes out.
func bareArguments(args []string, clip, dir string) ([]string, error) {
	out := slices.Clone(args)
	in := slices.Index(out, "-i")
	if in < 0 || in+1 >= len(out) {
		return nil, errors.New("ffmpeg runs without -i")
	}
	out[in+1] = clip
	if f := slices.Index(out[:in], "-f"); f >= 0 {
		out = slices.Delete(out, f, f+2)
		in -= 2
	}
	out = slices.Insert(out, in, "-re", "-stream_loop", "-1")
	for i, a := range out {
		switch {
		case strings.HasPrefix(a, "pipe:"):
			out[i] = "/dev/null"
		case strings.HasSuffix(a, ".jpg"):
			out[i] = filepath.Join(dir, "thumb.jpg")
		}
	}
	return slices.Insert(out, 1, "-y"), nil
}
