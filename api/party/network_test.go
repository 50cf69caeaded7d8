package party_test

import (
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// network is a way to a server that takes a while: each way delay, more or less by up
// to jitter. Nothing overtakes, as on any connection.
type network struct {
	delay, jitter time.Duration
}

// over returns the address of a server as it is reached over n.
func (n network) over(t *testing.T, server string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				continue
			}
			go n.carry(near, far)
			go n.carry(far, near)
		}
	}()
	return ln.Addr().String()
}

type parcel struct {
	bytes []byte
	due   time.Time
}

// carry takes what comes from one side to the other, until one of them is closed.
func (n network) carry(from io.ReadCloser, to io.WriteCloser) {
	parcels := make(chan parcel, 4096)
	go func() {
		defer to.Close()
		defer from.Close()
		for p := range parcels {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.bytes); err != nil {
				break
			}
		}
		for range parcels { // until the other loop has noticed
		}
	}()
	defer close(parcels)
	last := time.Now()
	for {
		buf := make([]byte, 32<<10)
		count, err := from.Read(buf)
		if count > 0 {
			due := time.Now().Add(n.delay + time.Duration((2*rand.Float64()-1)*float64(n.jitter)))
			if due.Before(last) {
				due = last
			}
			last = due
			parcels <- parcel{buf[:count], due}
		}
		if err != nil {
			return
		}
	}
}
