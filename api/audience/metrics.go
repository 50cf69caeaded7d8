package audience

import "github.com/prometheus/client_golang/prometheus"

type metrics struct{ viewers, listeners prometheus.Gauge }

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		viewers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_audience_viewers",
			Help: "Viewers of all that is on air, on all nodes, listeners included.",
		}),
		listeners: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_audience_listeners",
			Help: "Of the viewers, those who hear audio only.",
		}),
	}
	for _, c := range []prometheus.Collector{m.viewers, m.listeners} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
