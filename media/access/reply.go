package access

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// refusal is an answer to who may not watch: a problem as the API has them. RFC 9457.
type refusal struct {
	reason string // label
	body   string
}

var (
	noToken  = refusal{"missing", problem("playback_denied", "this channel is private: a playback address with a token is needed")}
	badToken = refusal{"invalid", problem("playback_denied", "the token in this address does not open the channel")}
	expired  = refusal{"expired", problem("playback_expired", "the token in this address has expired: ask for a new playback address")}
)

// onlyPrivate is a header value that nobody changes.
var onlyPrivate = []string{"private"}

func problem(code, detail string) string {
	return `{"type":"/api/problems/` + code + `","title":"Forbidden","status":403,"code":"` + code + `","detail":"` + detail + `"}` + "\n"
}

// refuse answers with why. The same for every file, so that nothing is learned of
// what there is.
func (h *Handler) refuse(w http.ResponseWriter, why *refusal) {
	h.metrics.refused.WithLabelValues(why.reason).Inc()
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*") // players show why
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/problem+json")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte(why.body)) // a viewer that has left
}

// privately keeps what is private out of caches that others share. It only looks at
// the header: whoever sends a file finds the writer below by Unwrap, and the kernel
// still sends it.
type privately struct {
	http.ResponseWriter

	begun bool
}

// Unwrap is for http.ResponseController and for who sends files.
func (p *privately) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (p *privately) WriteHeader(code int) {
	p.begin()
	p.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (p *privately) Write(b []byte) (int, error) {
	p.begin()
	return p.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (p *privately) Flush() {
	p.begin()
	_ = http.NewResponseController(p.ResponseWriter).Flush()
}

// begin changes the header that is about to be sent. How long the viewer's own cache
// may keep a thing stays. RFC 9111 5.2.2.
func (p *privately) begin() {
	if p.begun {
		return
	}
	p.begun = true
	h := p.Header()
	kept := []string{"private"}
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			directive = strings.TrimSpace(directive)
			name, _, _ := strings.Cut(directive, "=")
			switch strings.ToLower(name) {
			case "", "public", "private", "s-maxage", "proxy-revalidate":
			default:
				kept = append(kept, directive)
			}
		}
	}
	h["Cache-Control"] = []string{strings.Join(kept, ", ")}
}

type metrics struct {
	refused *prometheus.CounterVec
	unknown prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_access_refused_total",
			Help: "Requests for private playlists and media that were refused, by what was wrong with the token.",
		}, []string{"reason"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_access_unknown_total",
			Help: "Requests for playlists and media for which nobody could tell whether the channel is private.",
		}),
	}
	for _, why := range []refusal{noToken, badToken, expired} {
		m.refused.WithLabelValues(why.reason)
	}
	for _, c := range []prometheus.Collector{m.refused, m.unknown} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
