package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// readyTimeout bounds the wait for all checks together.
const readyTimeout = 3 * time.Second

// alive handles GET /healthz: the process is up.
func alive(w http.ResponseWriter, _ *http.Request) {
	writeStatus(w)
}

// ready handles GET /readyz: every check passes. What fails is named to whoever
// asks; why it fails is for the log alone.
func ready(checks map[string]func(context.Context) error, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		var (
			mu     sync.Mutex
			failed []string // guarded by mu
			asked  sync.WaitGroup
		)
		for name, check := range checks {
			asked.Go(func() {
				err := check(ctx)
				if err == nil {
					return
				}
				log.WarnContext(ctx, "not ready", "check", name, "err", err)
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, name)
			})
		}
		asked.Wait()
		if len(failed) == 0 {
			writeStatus(w)
			return
		}
		slices.Sort(failed)
		p := newProblem(http.StatusServiceUnavailable, "not_ready", "not ready: "+strings.Join(failed, ", "))
		tellRetry(w.Header(), p, nil)
		writeProblem(w, p)
	}
}

func writeStatus(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n") // a client that has left
}
