package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"bandstand/api/auth"
)

// Names of the headers.
const (
	Header   = "Idempotency-Key"
	Replayed = "Idempotency-Replayed" // "true" in a reply that was given before
)

// keepWithin bounds the time to keep a reply, or to free its key, whoever has left.
const keepWithin = 5 * time.Second

// Middleware returns middleware for the operations of api that serves a POST with an
// Idempotency-Key once, and gives later ones the same reply. Those of nobody in
// particular are served as they come: their keys would be everybody's. It must come
// after the one that finds out who is asking.
func Middleware(api huma.API, s *Store) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humaecho.Unwrap(ctx)
		p := auth.User(ctx.Context())
		keys := c.Request().Header.Values(Header)
		if len(keys) == 0 || ctx.Method() != http.MethodPost || !(p.IsUser() || p.Service) {
			next(ctx)
			return
		}
		refuse := func(err error) { _ = huma.WriteErr(api, ctx, http.StatusInternalServerError, "", err) }
		if len(keys) > 1 || !isKey(keys[0]) {
			refuse(ErrBadKey)
			return
		}
		what, err := hashOf(c, ctx.Operation().OperationID)
		if err != nil {
			refuse(err)
			return
		}
		claimed, again, err := s.begin(ctx.Context(), request{who: whoIs(p), key: keys[0], what: what})
		switch {
		case err != nil:
			refuse(err)
		case again != nil:
			give(c.Response(), again)
		default:
			s.serve(ctx, claimed, func() { next(ctx) })
		}
	}
}

// serve lets a claimed request through and keeps the reply if it is final.
func (s *Store) serve(ctx huma.Context, claimed *claim, next func()) {
	w := humaecho.Unwrap(ctx).Response()
	rec := &recorder{ResponseWriter: w.Writer}
	w.Writer = rec
	served := false
	defer func() {
		w.Writer = rec.ResponseWriter
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx.Context()), keepWithin)
		defer cancel()
		var err error
		switch {
		case served && !rec.spilled && isFinal(rec.status):
			err = claimed.finish(bounded, rec.reply())
		case served && rec.spilled:
			s.log.ErrorContext(bounded, "a reply is too large to be given again", "operation", ctx.Operation().OperationID)
			fallthrough
		default:
			err = claimed.free(bounded)
		}
		if err != nil {
			s.log.ErrorContext(bounded, "a request that is sent again may be served again", "operation", ctx.Operation().OperationID, "err", err)
		}
		switch {
		case served:
			rec.flush()
		case !rec.spilled: // it panics, and of what it said nothing has gone out
			w.Committed, w.Size = false, 0
		}
	}()
	next()
	served = true
}

// give sends a reply that was given before.
func give(w http.ResponseWriter, r *reply) {
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	h.Set(Replayed, "true")
	w.WriteHeader(r.status)
	if len(r.body) > 0 {
		_, _ = w.Write(r.body) // a client that has left
	}
}

// hashOf returns what tells the request apart from others: the operation, the address
// and the body. It leaves the body to be read again.
func hashOf(c echo.Context, operation string) ([]byte, error) {
	r := c.Request()
	body, err := io.ReadAll(r.Body) // it is bounded
	if err != nil {
		return nil, fmt.Errorf("idempotency: read the body: %w", err)
	}
	again := *r
	again.Body = io.NopCloser(bytes.NewReader(body))
	c.SetRequest(&again)
	h := sha256.New()
	for _, text := range []string{operation, r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type")} {
		fmt.Fprintf(h, "%d %s ", len(text), text)
	}
	h.Write(body)
	return h.Sum(nil), nil
}

// whoIs names p as nobody else is named.
func whoIs(p auth.Principal) string {
	if p.Service {
		return "service " + p.Name
	}
	return "user " + p.UserID.String()
}

// isKey reports whether text can be an Idempotency-Key.
func isKey(text string) bool {
	if text == "" || len(text) > 255 {
		return false
	}
	for _, b := range []byte(text) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}
