package instance

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	automatic prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{automatic: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "bandstand_instance_automatic_bans_total",
		Help: "Networks banned for too many requests.",
	})}
	reg.MustRegister(m.automatic)
	return m
}

// watch adds what is asked of s when metrics are.
func (m *metrics) watch(reg prometheus.Registerer, s *Service) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bandstand_instance_bans",
		Help: "Networks that are banned.",
	}, func() float64 { return float64(len(s.bans.Load().until)) }))
}
