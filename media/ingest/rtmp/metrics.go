package rtmp

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	connections prometheus.Gauge
	received    prometheus.Counter
	rejections  *prometheus.CounterVec
	drops       *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_rtmp_connections",
			Help: "RTMP connections, publishing or about to.",
		}),
		received: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_rtmp_received_bytes_total",
			Help: "Audio and video received over RTMP.",
		}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_rtmp_rejected_total",
			Help: "Connections and publish attempts refused or ended by the server, by reason.",
		}, []string{"reason"}),
		drops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_rtmp_messages_dropped_total",
			Help: "RTMP messages received and not used, by reason.",
		}, []string{"reason"}),
	}
	reg.MustRegister(m.connections, m.received, m.rejections, m.drops)
	// A counter that nobody has seen cannot be alerted on when it rises.
	for _, reason := range []string{
		"key", "authorizer", "busy", "full", "shutdown", "error", "play", "dismissed", "media",
		"protocol", "silent", "setup_timeout", "shed",
	} {
		m.rejections.WithLabelValues(reason)
	}
	return m
}

func (m *metrics) rejected(reason string) { m.rejections.WithLabelValues(reason).Inc() }

func (m *metrics) dropped(reason string, n int) {
	if n > 0 {
		m.drops.WithLabelValues(reason).Add(float64(n))
	}
}
