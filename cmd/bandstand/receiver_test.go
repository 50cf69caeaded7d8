package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// receiver is a program of a channel's owner that webhooks call.
type receiver struct {
	*httptest.Server

	mu       sync.Mutex
	broken   bool      // guarded by mu; answers 500
	secret   string    // guarded by mu
	failed   []string  // guarded by mu; ids of messages that were not taken
	messages []message // guarded by mu
}

// message is what came, checked.
type message struct {
	id, kind string
	data     broadcastView
}

// newReceiver returns a receiver that fails until it is repaired.
func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{broken: true}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.broken {
			r.failed = append(r.failed, req.Header.Get("Webhook-Id"))
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		m, err := r.read(req)
		if err != nil {
			t.Errorf("webhook: %v", err)
			return
		}
		r.messages = append(r.messages, m)
	}))
	t.Cleanup(r.Close)
	return r
}

// read checks a message as a program would that knows Standard Webhooks and nothing
// of us.
func (r *receiver) read(req *http.Request) (message, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return message{}, err
	}
	id, at := req.Header.Get("Webhook-Id"), req.Header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age > 5*time.Minute || age < -5*time.Minute {
		return message{}, fmt.Errorf("the time %q", at)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	if err != nil {
		return message{}, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := req.Header.Get("Webhook-Signature"); got != want {
		return message{}, fmt.Errorf("signature: got %s, want %s", got, want)
	}
	var m struct {
		Type string
		Data broadcastView
	}
	err = json.Unmarshal(body, &m)
	return message{id, m.Type, m.Data}, err
}

// repair has r take messages from now on.
func (r *receiver) repair(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken, r.secret = false, secret
}

// missed waits for a message that was not taken, and returns its id.
func (r *receiver) missed(t *testing.T) (id string) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.failed) == 0 {
			return fmt.Errorf("no webhook was called")
		}
		id = r.failed[0]
		return nil
	})
	return id
}

// got waits for a message of a kind.
func (r *receiver) got(t *testing.T, kind string) (found message) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, m := range r.messages {
			if m.kind == kind {
				found = m
				return nil
			}
		}
		return fmt.Errorf("no %s among %+v", kind, r.messages)
	})
	require.NotEmpty(t, found.id)
	return found
}
