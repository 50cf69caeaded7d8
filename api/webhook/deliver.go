package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bandstand/api/webhook/outbound"
)

// problem is why a request came to nothing, for owners and for metrics. It says
// nothing of the network that the receiver is in.
type problem string

const (
	delivered       problem = "" // none
	problemInternal problem = "internal_address"
	problemDNS      problem = "name_not_found"
	problemConnect  problem = "no_connection"
	problemTLS      problem = "tls"
	problemTimeout  problem = "timeout"
	problemReply    problem = "bad_reply"
	problemRedirect problem = "redirect"
	problemGone     problem = "gone"
	problemStatus   problem = "status"
	problemDisabled problem = "disabled"
	problemSecret   problem = "secret_lost"
)

var problems = []problem{
	problemInternal, problemDNS, problemConnect, problemTLS, problemTimeout,
	problemReply, problemRedirect, problemGone, problemStatus,
}

func (p problem) label() string {
	if p == delivered {
		return "delivered"
	}
	return string(p)
}

// maxReply is how much of a response is read. What it says does not matter.
const maxReply = 64 << 10

// post sends body to a webhook. It returns the status of the response, 0 without one.
func (s *Service) post(ctx context.Context, address, secret, id, body string) (int, problem) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	now := s.cfg.Now()
	sign, err := signature(secret, id, now, body)
	if err != nil {
		return 0, problemSecret
	}
	if _, err := s.out.ParseURL(address); err != nil { // the rules may have changed
		return 0, problemInternal
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return 0, problemConnect
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Bandstand/"+s.cfg.Version)
	req.Header["webhook-id"] = []string{id} // as the specification writes them
	req.Header["webhook-timestamp"] = []string{strconv.FormatInt(now.Unix(), 10)}
	req.Header["webhook-signature"] = []string{sign}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, problemOf(err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply))
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300 && err != nil:
		return code, problemOf(err)
	case code >= 200 && code < 300:
		return code, delivered
	case code >= 300 && code < 400:
		return code, problemRedirect
	case code == http.StatusGone:
		return code, problemGone
	default:
		return code, problemStatus
	}
}

func problemOf(err error) problem {
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, outbound.ErrInternal):
		return problemInternal
	case errors.As(err, &network) && network.Timeout():
		return problemTimeout
	case errors.As(err, &name):
		return problemDNS
	case isTLS(err):
		return problemTLS
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return problemConnect
	}
	return problemReply
}

func isTLS(err error) bool {
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	return errors.As(err, &record) || errors.As(err, &certificate) || errors.As(err, &alert)
}

// retryAfter is how long a delivery waits after its first, second, … failed attempt.
var retryAfter = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute,
	time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// giveUpAfter is how many attempts in a row, of all deliveries, disable a webhook.
const giveUpAfter = 50
