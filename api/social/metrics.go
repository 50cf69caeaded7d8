package social

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	notifications *prometheus.CounterVec
	told          prometheus.Counter
	failures      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Service) (*metrics, error) {
	m := &metrics{
		notifications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_social_notifications_total", Help: "Notifications that were put into inboxes, by kind.",
		}, []string{"kind"}),
		told: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_social_presence_events_total", Help: "Events that told friends who came, went, or watches what.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_social_presence_failures_total", Help: "Times that presence could not be told or written down.",
		}),
	}
	here := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bandstand_social_people", Help: "People with a socket on this node.",
	}, func() float64 { return float64(s.presence.size(s.cfg.Now())) })
	for _, kind := range Kinds {
		m.notifications.WithLabelValues(kind)
	}
	return m, errors.Join(reg.Register(m.notifications), reg.Register(m.told), reg.Register(m.failures), reg.Register(here))
}
