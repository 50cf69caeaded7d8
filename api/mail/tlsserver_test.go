package mail

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func errorsAs(err error, target **RefusedError) bool { return errors.As(err, target) }

// tlsServer is a small mail server that speaks TLS, for what the mock does not.
type tlsServer struct {
	cert            tls.Certificate
	roots           *x509.CertPool
	port            int
	hangUpAfterData atomic.Bool

	mu    sync.Mutex
	mails []string // guarded by mu
	users []string // guarded by mu; who sent each mail
}

// startTLSServer takes mail from "stage" with "correct horse", and from nobody in
// particular. With implicit, TLS begins with the first byte.
func startTLSServer(t *testing.T, implicit bool) *tlsServer {
	t.Helper()
	certs := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	defer certs.Close()
	s := &tlsServer{cert: certs.TLS.Certificates[0], roots: x509.NewCertPool()}
	s.roots.AddCert(certs.Certificate())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.port = ln.Addr().(*net.TCPAddr).Port
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				if implicit {
					conn = tls.Server(conn, s.config())
				}
				s.serve(conn, implicit)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		conns.Wait()
	})
	return s
}

func (s *tlsServer) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}
}

func (s *tlsServer) received() (mails, users []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails, s.users
}

// serve speaks as much of RFC 5321, 3207 and 4954 as a client needs.
func (s *tlsServer) serve(conn net.Conn, secure bool) {
	text := textproto.NewConn(conn)
	say := func(lines ...string) {
		for _, line := range lines {
			_ = text.PrintfLine("%s", line)
		}
	}
	say("220 mail.example.org")
	user := ""
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			if secure {
				say("250-mail.example.org", "250-ENHANCEDSTATUSCODES", "250 AUTH PLAIN")
			} else {
				say("250-mail.example.org", "250 STARTTLS")
			}
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, s.config())
			text, secure = textproto.NewConn(conn), true
		case "AUTH":
			_, response, _ := strings.Cut(rest, " ")
			plain, _ := base64.StdEncoding.DecodeString(response)
			if string(plain) != "\x00stage\x00correct horse" {
				say("535 5.7.8 no")
				continue
			}
			user = "stage"
			say("235 2.7.0 welcome")
		case "MAIL", "RCPT":
			if !secure {
				say("530 5.7.0 STARTTLS first")
				continue
			}
			say("250 2.1.0 ok")
		case "DATA":
			say("354 go on")
			data, err := text.ReadDotBytes()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.mails, s.users = append(s.mails, string(data)), append(s.users, user)
			s.mu.Unlock()
			say("250 2.0.0 taken")
			if s.hangUpAfterData.Load() {
				return
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
