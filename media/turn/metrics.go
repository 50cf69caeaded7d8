package turn

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	relays      prometheus.Gauge
	opened      prometheus.Counter
	connections prometheus.Gauge
	relayed     *prometheus.CounterVec
	drops       *prometheus.CounterVec
	rejections  *prometheus.CounterVec

	toPeers, fromPeers prometheus.Counter // of relayed
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		relays: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_turn_relays",
			Help: "Relays that are open.",
		}),
		opened: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_turn_relays_opened_total",
			Help: "Relays opened.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_turn_connections",
			Help: "TCP connections of clients.",
		}),
		relayed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_turn_relayed_bytes_total",
			Help: "Payload relayed, by where it came from.",
		}, []string{"from"}),
		drops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_turn_packets_dropped_total",
			Help: "Packets not relayed and requests not answered, by reason.",
		}, []string{"reason"}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_turn_rejected_total",
			Help: "Requests and connections refused or ended by the server, by reason.",
		}, []string{"reason"}),
	}
	reg.MustRegister(m.relays, m.opened, m.connections, m.relayed, m.drops, m.rejections)
	m.toPeers, m.fromPeers = m.relayed.WithLabelValues("client"), m.relayed.WithLabelValues("peer")
	// A counter that nobody has seen cannot be alerted on when it rises.
	for _, reason := range []string{"bitrate", "rate", "own_port", "send"} {
		m.drops.WithLabelValues(reason)
	}
	for _, reason := range []string{
		"username", "expired", "credentials", "peer", "peers", "relays", "user_relays", "ports", "transport",
		"connections", "address_connections", "frame", "silent",
	} {
		m.rejections.WithLabelValues(reason)
	}
	return m
}

func (m *metrics) rejected(reason string) { m.rejections.WithLabelValues(reason).Inc() }

func (m *metrics) dropped(reason string) { m.drops.WithLabelValues(reason).Inc() }
