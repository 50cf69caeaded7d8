package live

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	bytes     prometheus.Counter
	samples   prometheus.Counter
	epochs    prometheus.Counter
	refused   prometheus.Counter
	keyErrors prometheus.Counter
	holes     *prometheus.CounterVec
	lost      *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, r *Registry) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	byConsumer := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"consumer"})
	}
	m := &metrics{
		bytes:     counter("bandstand_live_received_bytes_total", "Payload bytes of samples from publishers."),
		samples:   counter("bandstand_live_received_samples_total", "Samples from publishers."),
		epochs:    counter("bandstand_live_epochs_total", "Epochs begun: first formats, changed ones and reconnections."),
		refused:   counter("bandstand_live_refused_total", "Publishers refused because their channel was on air."),
		keyErrors: counter("bandstand_live_key_check_errors_total", "Failed looks at the stream keys in use."),
		holes:     byConsumer("bandstand_live_queue_holes_total", "Times a consumer's queue was full."),
		lost:      byConsumer("bandstand_live_queue_lost_packets_total", "Packets lost because a consumer's queue was full."),
	}
	count := func(waiting bool) func() float64 {
		return func() float64 {
			n := 0
			for _, s := range r.Sessions() {
				if s.Health().Waiting == waiting {
					n++
				}
			}
			return float64(n)
		}
	}
	reg.MustRegister(m.bytes, m.samples, m.epochs, m.refused, m.keyErrors, m.holes, m.lost,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "bandstand_live_sessions", Help: "Sessions with a publisher.",
		}, count(false)),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "bandstand_live_sessions_waiting", Help: "Sessions that wait for their publisher to return.",
		}, count(true)))
	return m
}

func (m *metrics) received(bytes int) {
	m.bytes.Add(float64(bytes))
	m.samples.Inc()
}

func (m *metrics) onLoss(consumer string) func(hole bool) {
	holes, lost := m.holes.WithLabelValues(consumer), m.lost.WithLabelValues(consumer)
	return func(hole bool) {
		lost.Inc()
		if hole {
			holes.Inc()
		}
	}
}
