package ladder

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	processes prometheus.Gauge
	restarts  *prometheus.CounterVec
	shed      *prometheus.CounterVec
	dropped   prometheus.Counter
	lag       prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		processes: f.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_ladder_processes",
			Help: "Encoder processes running.",
		}),
		restarts: f.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_ladder_restarts_total",
			Help: "Encoder processes that failed and were given up, by reason.",
		}, []string{"reason"}),
		shed: f.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_ladder_shed_total",
			Help: "Rungs left out because the encoder could not keep up, by what showed it.",
		}, []string{"reason"}),
		dropped: f.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_ladder_frames_dropped_total",
			Help: "Source packets that no encoder got, because it was behind or being replaced.",
		}),
		lag: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "bandstand_ladder_lag_seconds",
			Help:    "From the arrival of a source frame to its frame in a rung.",
			Buckets: []float64{.01, .025, .05, .1, .2, .4, .8, 1.6, 3.2, 6.4},
		}),
	}
	// A counter that nobody has seen cannot be alerted on when it rises.
	for _, reason := range []string{"overload", "stall", "garbage", "start", "exit"} {
		m.restarts.WithLabelValues(reason)
	}
	for _, reason := range []string{"queue", "lag"} {
		m.shed.WithLabelValues(reason)
	}
	return m
}
