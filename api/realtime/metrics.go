package realtime

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what this program counts beside centrifuge's own.
type metrics struct {
	calls       *prometheus.HistogramVec
	refused     prometheus.Counter
	unpublished prometheus.Counter
}

func newMetrics(r prometheus.Registerer, n *Node) (*metrics, error) {
	m := &metrics{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "bandstand_realtime_call_seconds",
			Help:    "Time to answer calls over the socket, by method and outcome.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"method", "outcome"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_realtime_refused_total",
			Help: "Sockets refused because there are too many.",
		}),
		unpublished: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_realtime_unpublished_total",
			Help: "Events that did not reach other nodes.",
		}),
	}
	sockets := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bandstand_realtime_sockets", Help: "Sockets connected to this node.",
	}, func() float64 {
		n.mu.Lock()
		defer n.mu.Unlock()
		return float64(len(n.sockets))
	})
	doors := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bandstand_realtime_doors", Help: "Sockets open to this node, with those that have not connected yet.",
	}, func() float64 { return float64(n.doors.inside()) })
	for _, c := range []prometheus.Collector{m.calls, m.refused, m.unpublished, sockets, doors} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) called(method string, took time.Duration, err error) {
	outcome := "ok"
	switch o := outcomeOf(err); {
	case err == nil:
	case o == nil:
		outcome = "failed"
	default:
		outcome = o.Code
	}
	m.calls.WithLabelValues(method, outcome).Observe(took.Seconds())
}

// labelOf returns the kind of a topic as a label: clients may name what there is not.
func (n *Node) labelOf(topic string) string {
	kind := kindOf(topic)
	if _, ok := n.topics[kind+":"]; ok || kind+":" == userKind {
		return kind
	}
	return "unknown"
}
