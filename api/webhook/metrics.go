package webhook

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	attempts *prometheus.CounterVec
	disabled prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_webhook_attempts_total",
			Help: "Attempts to deliver to webhooks, by result.",
		}, []string{"result"}),
		disabled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_webhook_disabled_total",
			Help: "Webhooks disabled for their failures.",
		}),
	}
	for _, p := range append([]problem{delivered}, problems...) {
		m.attempts.WithLabelValues(p.label())
	}
	reg.MustRegister(m.attempts, m.disabled)
	return m
}
