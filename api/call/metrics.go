package call

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	starts  *prometheus.CounterVec
	ends    *prometheus.CounterVec
	signals prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	m := &metrics{
		starts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_calls_started_total",
			Help: "Calls begun, by kind.",
		}, []string{"kind"}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_calls_ended_total",
			Help: "Calls over, by outcome.",
		}, []string{"outcome"}),
		signals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_call_signals_total",
			Help: "Descriptions and candidates passed on.",
		}),
	}
	here := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bandstand_call_participants",
		Help: "People in calls whose sockets this node has.",
	}, func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(len(s.here))
	})
	reg.MustRegister(m.starts, m.ends, m.signals, here)
	for _, kind := range []string{Direct, Party} {
		m.starts.WithLabelValues(kind)
	}
	for _, outcome := range []string{Answered, MissedIt, Rejected, WasBusy, Cancelled} {
		m.ends.WithLabelValues(outcome)
	}
	return m
}

func (m *metrics) started(kind string) { m.starts.WithLabelValues(kind).Inc() }

func (m *metrics) over(outcome string) { m.ends.WithLabelValues(outcome).Inc() }
