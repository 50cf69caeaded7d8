package moderation

import "github.com/prometheus/client_golang/prometheus"

type metrics struct{ refused *prometheus.CounterVec }

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{refused: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bandstand_moderation_refused_total",
		Help: "Messages that could not be written in a chat, by why.",
	}, []string{"why"})}
	for _, o := range refusals {
		m.refused.WithLabelValues(o.Code)
	}
	r.MustRegister(m.refused)
	return m
}
