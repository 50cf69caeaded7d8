package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// ErrStart is the outcome of a program that could not be started at all.
var ErrStart = errors.New("cannot start")

// errEarly is the outcome of a program that ended well, but before its input did.
var errEarly = errors.New("ended before its input")

// ExitError is the outcome of a program that failed.
type ExitError struct {
	Err    error  // of the process, as exec.Cmd.Wait has it
	Stderr string // the last 4 KiB of what it wrote there
}

func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Stderr
}

func (e *ExitError) Unwrap() error { return e.Err }

// Program is one run of a program that is fed through standard input and writes to
// pipes. A Program runs once.
type Program struct {
	Binary string
	Args   []string

	// Feed writes the program's standard input, which is closed when it returns. Its
	// context ends when the program does, and then w fails too. Writes block while
	// the program does not read; w has deadlines. Nil means no input.
	Feed func(ctx context.Context, w *os.File) error

	// Outputs read the file descriptors 3, 4, …, each in a goroutine of its own and
	// until EOF. An error ends the program.
	Outputs []func(r io.Reader) error

	// Grace is how long the program may take to finish after its input has ended,
	// or after an interrupt, before it is killed: 3 s if zero.
	Grace time.Duration

	// CPU is, once Run has returned, the processor time that the program used.
	CPU time.Duration
}

// Run starts the program and returns when it and everything in its process group
// has ended, and Feed and the Outputs have returned. It is nil if the program took
// all its input and ended well. When ctx ends, or Feed or an Output fails, the
// program is interrupted, then killed, and the error is the cause. A program that
// cannot be started is ErrStart; one that fails, an *ExitError.
func (p *Program) Run(ctx context.Context) error {
	c, err := p.open()
	if err != nil {
		return fmt.Errorf("transcode: %s: %w: %w", p.Binary, ErrStart, err)
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	c.attach(ctx, fail)
	c.supervise(ctx, fail)
	p.CPU = c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, errEarly) {
		return fmt.Errorf("transcode: %s: %w", p.Binary, err)
	}
	if c.exit != nil {
		return fmt.Errorf("transcode: %s: %w", p.Binary, &ExitError{Err: c.exit, Stderr: c.stderr.String()})
	}
	if ctx.Err() != nil {
		return fmt.Errorf("transcode: %s: %w", p.Binary, errEarly)
	}
	return nil
}

// child is a started Program.
type child struct {
	*Program
	cmd    *exec.Cmd
	stdin  *os.File // nil without Feed
	outs   []*os.File
	stderr tail

	fed     chan struct{} // closed: Feed has returned and standard input is closed
	drained chan struct{} // closed: every output has been read
	exited  chan struct{} // closed: the process is gone, exit is set
	exit    error
}

// open makes the pipes and starts the process.
func (p *Program) open() (*child, error) {
	if p.Grace == 0 {
		p.Grace = 3 * time.Second
	}
	c := &child{
		Program: p,
		cmd:     exec.Command(p.Binary, p.Args...), //nolint:gosec,noctx // the operator names the program; supervise ends it
		fed:     make(chan struct{}), drained: make(chan struct{}), exited: make(chan struct{}),
	}
	c.cmd.Stderr = &c.stderr
	c.cmd.WaitDelay = p.Grace // standard error held open by somebody else
	isolate(c.cmd)
	theirs, err := c.pipes()
	if err == nil {
		err = c.start()
	}
	closeAll(theirs)
	if err != nil {
		closeAll(append(c.outs, c.stdin))
		return nil, err
	}
	return c, nil
}

// pipes connects the command. It returns the ends that only the child may keep.
func (c *child) pipes() (theirs []*os.File, err error) {
	if c.Feed != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		c.stdin, c.cmd.Stdin = w, r
		theirs = append(theirs, r)
	}
	for range c.Outputs {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, err
		}
		c.outs = append(c.outs, r)
		c.cmd.ExtraFiles = append(c.cmd.ExtraFiles, w)
		theirs = append(theirs, w)
	}
	return theirs, nil
}

// start runs the process on a thread that lives as long as it does: were the thread
// to end, the kernel would take that for the parent's death and kill the child.
func (c *child) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.exit = c.cmd.Wait()
			close(c.exited)
		}
	}()
	return <-started
}

// attach starts Feed and the Outputs.
func (c *child) attach(ctx context.Context, fail context.CancelCauseFunc) {
	go func() {
		defer close(c.fed)
		if c.Feed == nil {
			return
		}
		err := c.Feed(ctx, c.stdin)
		c.stdin.Close()
		if errors.Is(err, syscall.EPIPE) {
			err = errEarly // how it ended says more
		}
		if err != nil {
			fail(err) // the first to fail is the cause
		}
	}()
	var outputs sync.WaitGroup
	for i, read := range c.Outputs {
		outputs.Go(func() {
			err := read(c.outs[i])
			c.outs[i].Close()
			if err != nil {
				fail(err)
			}
		})
	}
	go func() {
		outputs.Wait()
		close(c.drained)
	}()
}

// supervise returns when the process is gone and all goroutines have returned.
func (c *child) supervise(ctx context.Context, fail context.CancelCauseFunc) {
	select {
	case <-c.inputGone():
		c.within(ctx.Done(), c.Grace)
	case <-ctx.Done():
	case <-c.exited:
	case <-c.outputsGone():
		c.within(ctx.Done(), time.Second) // to see the exit status
	}
	select {
	case <-c.fed:
	default:
		fail(errEarly)
		if c.stdin != nil {
			c.stdin.Close() // ends a write that blocks
		}
	}
	if !c.ended() {
		signalGroup(c.cmd.Process, syscall.SIGINT)
		c.within(nil, min(c.Grace, time.Second))
	}
	if !c.ended() {
		signalGroup(c.cmd.Process, syscall.SIGKILL)
	}
	<-c.exited
	c.within(nil, time.Second)
	for _, r := range c.outs { // held open by a stranger: stop reading
		_ = r.SetReadDeadline(time.Now()) // closed already: nothing to end
	}
	<-c.drained
	<-c.fed
}

// inputGone is closed when the program has all its input. Of a program without
// input that says nothing.
func (c *child) inputGone() <-chan struct{} {
	if c.Feed == nil {
		return nil
	}
	return c.fed
}

// outputsGone is closed when the program has closed all its outputs. Of a program
// without outputs that says nothing.
func (c *child) outputsGone() <-chan struct{} {
	if len(c.Outputs) == 0 {
		return nil
	}
	return c.drained
}

// within waits until the process has ended and its outputs are read, but no longer
// than d, nor after stop is closed.
func (c *child) within(stop <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for _, event := range []chan struct{}{c.exited, c.drained} {
		select {
		case <-event:
		case <-stop:
			return
		case <-timer.C:
			return
		}
	}
}

func (c *child) ended() bool {
	for _, event := range []chan struct{}{c.exited, c.drained} {
		select {
		case <-event:
		default:
			return false
		}
	}
	return true
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
