package transcode

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate gives the program a process group of its own, so that signals reach what
// it starts and ^C at the terminal does not reach it, and has the kernel kill it
// when the thread that starts it dies.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signalGroup sends sig to the program and everything in its group.
func signalGroup(p *os.Process, sig syscall.Signal) {
	_ = syscall.Kill(-p.Pid, sig) // gone already: nothing to do
}
