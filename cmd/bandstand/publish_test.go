package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// publisher is a running ffmpeg that publishes.
type publisher struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex
	said bytes.Buffer // guarded by mu
}

// publish runs ffmpeg in real time until the test ends or stop is called. The last
// argument is where to.
func publish(t *testing.T, args ...string) *publisher {
	t.Helper()
	p := &publisher{t: t, done: make(chan struct{})}
	p.cmd = exec.Command("ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "warning"}, args...)...)
	p.cmd.Stderr = p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.cmd.Wait() //nolint:errcheck // it is killed
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("publisher said: %s", p.Said())
		}
	})
	return p
}

// Write keeps what ffmpeg says.
func (p *publisher) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

// Said returns what ffmpeg has printed.
func (p *publisher) Said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// kill ends the publisher as a crash or a dead line would.
func (p *publisher) kill() {
	p.cmd.Process.Signal(os.Kill) //nolint:errcheck // it may have ended
	<-p.done
}

// wait returns when ffmpeg has ended by itself.
func (p *publisher) wait(within time.Duration) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		p.t.Fatalf("the publisher goes on; it said: %s", p.Said())
	}
}

// picture returns ffmpeg arguments for a small test picture.
func picture(size, rate string) []string {
	return []string{"-re", "-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=" + rate}
}

// tone returns ffmpeg arguments for a test tone.
func tone() []string {
	return []string{"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}
}

// h264 returns ffmpeg arguments that encode quickly with a keyframe every gop frames.
func h264(gop string) []string {
	return []string{
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
		"-pix_fmt", "yuv420p", "-b:v", "400k", "-g", gop,
	}
}

// aac returns ffmpeg arguments that encode the tone.
func aac() []string { return []string{"-c:a", "aac", "-b:a", "96k", "-ac", "2"} }

// to returns ffmpeg arguments for the destination.
func to(url string) []string { return []string{"-f", "flv", url} }

// join puts arguments together.
func join(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// camera publishes picture and tone, as OBS would.
func camera(t *testing.T, url string) *publisher {
	t.Helper()
	return publish(t, join(picture("640x360", "30"), tone(), h264("30"), aac(), to(url))...)
}

// probe runs ffprobe on url and returns what it says of each stream.
func probe(t *testing.T, url string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-hide_banner", "-loglevel", "error",
		"-show_entries", "stream=codec_name,width,height,sample_rate", "-of", "compact=nk=0", url).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
