//go:build !linux

package transcode

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate does nothing here: a child whose standard input closes ends by itself.
func isolate(*exec.Cmd) {}

// signalGroup sends sig to the program.
func signalGroup(p *os.Process, sig syscall.Signal) {
	_ = p.Signal(sig) // gone already: nothing to do
}
