package login

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// outcomes are labels.
const (
	outcomeOK      = "ok"
	outcomeRefused = "refused"
	outcomeBlocked = "blocked" // too many failures under that name
	outcomeReused  = "reused"  // a refresh token that was used before
	outcomeFailed  = "failed"
)

type metrics struct{ logins, refreshes *prometheus.CounterVec }

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_login_attempts_total",
			Help: "Attempts to log in with a password, by outcome.",
		}, []string{"outcome"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_login_refreshes_total",
			Help: "Refresh tokens shown for new ones, by outcome.",
		}, []string{"outcome"}),
	}
	for _, outcome := range []string{outcomeOK, outcomeRefused, outcomeBlocked, outcomeFailed} {
		m.logins.WithLabelValues(outcome)
	}
	for _, outcome := range []string{outcomeOK, outcomeRefused, outcomeReused, outcomeFailed} {
		m.refreshes.WithLabelValues(outcome)
	}
	return m, errors.Join(r.Register(m.logins), r.Register(m.refreshes))
}
