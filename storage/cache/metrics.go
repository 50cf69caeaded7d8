package cache

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	hits  prometheus.Counter
	loads prometheus.Counter
	stale prometheus.Counter
}

// newMetrics labels what it counts with topic, which code names.
func newMetrics(r prometheus.Registerer, topic string) *metrics {
	reads := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name:        "bandstand_cache_reads_total",
		Help:        "Reads through a cache, by how they were answered.",
		ConstLabels: prometheus.Labels{"cache": topic},
	}, []string{"answer"})
	r.MustRegister(reads)
	return &metrics{
		hits:  reads.WithLabelValues("cached"),
		loads: reads.WithLabelValues("asked"),
		stale: reads.WithLabelValues("stale"),
	}
}
