package rtmp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	gortmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"

	"bandstand/media/ingest/rtmp/guard"
	"bandstand/media/live"
	"bandstand/media/stream/flv"
)

// Status codes.
const (
	codeBadName  = "NetStream.Publish.BadName"  // this name or key, or not now
	codeRejected = "NetStream.Publish.Rejected" // what is sent cannot be used
	codePlay     = "NetStream.Play.Failed"
)

// conn is one connection. It is the library's handler; all its On methods, Media
// and Metadata run on the goroutine that reads.
type conn struct {
	gortmp.DefaultHandler

	ctx    context.Context
	server *Server
	nc     net.Conn
	guard  *guard.Conn
	visit  *visit
	source live.Source
	log    *slog.Logger

	app, tcURL string
	publisher  *live.Publisher // nil before publishing
	session    *session
	watch      sync.WaitGroup
	over       chan struct{} // closed when the connection is over
	counted    bool          // as one of the server's publishers

	mu   sync.Mutex
	why  string // guarded by mu; what the publisher was told
	fate string // guarded by mu; the reason label of it
}

func newConn(ctx context.Context, s *Server, nc net.Conn, v *visit, source live.Source) *conn {
	return &conn{
		ctx: ctx, server: s, nc: nc, visit: v, source: source,
		guard: guard.New(nc, s.cfg.Limits),
		log:   s.cfg.Logger.With("remote", source.Remote, "protocol", source.Protocol),
		over:  make(chan struct{}),
	}
}

// OnConnect remembers what the client connects to.
func (c *conn) OnConnect(_ uint32, cmd *message.NetConnectionConnect) error {
	c.app, c.tcURL = cmd.Command.App, cmd.Command.TCURL
	return nil
}

// OnPlay refuses: there is nothing to see here.
func (c *conn) OnPlay(_ *gortmp.StreamContext, _ uint32, _ *message.NetStreamPlay) error {
	return c.refuse(codePlay, "play", "this server takes streams in over RTMP: watch them over HTTP")
}

// OnPublish puts the publisher on air, or refuses it with a text that says why.
func (c *conn) OnPublish(sc *gortmp.StreamContext, _ uint32, cmd *message.NetStreamPublish) error {
	app, key := streamKey(c.app, c.tcURL, cmd.PublishingName)
	if key == "" {
		c.server.gate.failed(c.visit.addr)
		return c.refuse(codeBadName, "key", "no stream key was sent: it goes where the stream name goes")
	}
	grant, err := c.authorize(app, key)
	if errors.Is(err, ErrUnknownKey) {
		c.server.gate.failed(c.visit.addr)
		return c.refuse(codeBadName, "key", "the stream key is not valid: copy it again from the channel's settings")
	}
	if err != nil && c.ctx.Err() == nil {
		c.log.ErrorContext(c.ctx, "could not check a stream key", "err", err)
	}
	if err != nil {
		return c.refuse(codeBadName, "authorizer", "could not check the stream key, try again")
	}
	c.server.gate.settle(c.visit)
	c.log = c.log.With("channel", grant.Channel)
	if !c.server.admit(c) {
		return c.refuse(codeBadName, "full", "the server is full, try again later")
	}
	publisher, err := c.server.cfg.Streams.Open(c.ctx, grant, c.source)
	switch {
	case errors.Is(err, live.ErrBusy):
		return c.refuse(codeBadName, "busy", err.Error())
	case errors.Is(err, live.ErrClosed):
		return c.refuse(codeBadName, "shutdown", err.Error())
	case err != nil:
		c.log.ErrorContext(c.ctx, "could not open a session", "err", err)
		return c.refuse(codeBadName, "error", "the stream could not be opened, try again")
	}
	c.publisher = publisher
	c.session = newSession(publisher, sessionConfig{
		maxBitrateBPS: c.server.cfg.MaxBitrateBPS,
		metrics:       c.server.metrics,
		now:           time.Now,
	})
	c.guard.Publish(c)
	c.watch.Go(c.awaitDismissal)
	c.log.InfoContext(c.ctx, "publish started", "app", app)
	return nil
}

// authorize asks for the grant. Not to be answered in time is not to be let in.
func (c *conn) authorize(app, key string) (live.Grant, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.server.cfg.AuthorizeTimeout)
	defer cancel()
	return c.server.cfg.Keys.Authorize(ctx, app, key)
}

// awaitDismissal hangs up when the publisher has to go.
func (c *conn) awaitDismissal() {
	select {
	case <-c.publisher.Done():
		if err := c.publisher.Err(); err != nil && !errors.Is(err, live.ErrGone) {
			c.dismiss(codeBadName, "dismissed", err.Error())
		}
	case <-c.over:
	}
}

// Media takes one message of the publisher. Whatever goes wrong in it ends this
// connection alone.
func (c *conn) Media(m guard.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.ErrorContext(c.ctx, "panic on a media message", "panic", p, "stack", string(debug.Stack()))
			c.dismiss(codeRejected, "error", "internal error")
			err = fmt.Errorf("rtmp: panic: %v", p)
		}
	}()
	err = c.session.message(m)
	if err == nil {
		return nil
	}
	var unsupported *flv.UnsupportedError
	var unusable *unusableError
	switch {
	case errors.As(err, &unsupported), errors.As(err, &unusable):
		c.dismiss(codeRejected, "media", err.Error())
	case !errors.Is(err, live.ErrGone):
		c.dismiss(codeBadName, "dismissed", err.Error())
	}
	return err
}

// Metadata takes the publisher's description of its stream.
func (c *conn) Metadata(values map[string]any) { c.session.metadata(values) }

// refuse tells the client why it cannot publish. The error ends the connection.
func (c *conn) refuse(code, reason, text string) error {
	c.dismiss(code, reason, text)
	return errors.New("rtmp: " + text)
}

// dismiss hangs up for a reason that is counted.
func (c *conn) dismiss(code, reason, text string) {
	c.mu.Lock()
	first := c.fate == ""
	if first {
		c.fate, c.why = reason, text
	}
	c.mu.Unlock()
	if first {
		c.server.metrics.rejected(reason)
		c.guard.HangUp(guard.Status{Code: code, Text: text})
	}
}

// OnClose takes the publisher off air as soon as the connection has ended, and tells
// it why if that was for what it sent, or did not.
func (c *conn) OnClose() {
	if c.publisher == nil {
		return
	}
	c.publisher.Close()
	err := c.guard.Err()
	var network net.Error
	switch {
	case err == nil || c.ctx.Err() != nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.dismiss(codeRejected, "silent", "nothing came for too long")
	case !errors.As(err, &network):
		c.dismiss(codeRejected, "protocol", "what was sent is not RTMP as it should be: "+err.Error())
	}
}

// finish is called once, when the library has closed the connection.
func (c *conn) finish() {
	close(c.over)
	c.watch.Wait()
	c.server.metrics.dropped("useless", c.guard.Dropped())
	c.mu.Lock()
	fate, why := c.fate, c.why
	c.mu.Unlock()
	err := c.guard.Err()
	switch {
	case c.publisher != nil:
		c.log.InfoContext(c.ctx, "publish ended", "bytes", c.guard.Received(), "told", why, "err", err)
	case fate != "":
		c.log.InfoContext(c.ctx, "publish refused", "reason", fate)
	case c.ctx.Err() != nil: // it had to make room, or the server shuts down
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.server.metrics.rejected("setup_timeout")
	case err != nil:
		c.server.metrics.rejected("protocol")
		c.log.DebugContext(c.ctx, "connection ended before publishing", "err", err)
	}
}

var (
	_ gortmp.Handler = (*conn)(nil)
	_ guard.Receiver = (*conn)(nil)
)
