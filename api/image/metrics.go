package image

import "github.com/prometheus/client_golang/prometheus"

// What becomes of images.
const (
	outcomeReady   = "ready"
	outcomeRefused = "refused" // at once
	outcomeFailed  = "failed"  // later
	outcomeLate    = "late"    // a newer one is shown, or nothing can show it
)

type metrics struct {
	images  *prometheus.CounterVec
	seconds prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		images: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_images_total",
			Help: "Pictures that were sent, by what became of them.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "bandstand_images_make_seconds",
			Help:    "Time to make all sizes of a picture and to keep them.",
			Buckets: prometheus.ExponentialBuckets(0.05, 2, 10),
		}),
	}
	for _, outcome := range []string{outcomeReady, outcomeRefused, outcomeFailed, outcomeLate} {
		m.images.WithLabelValues(outcome)
	}
	r.MustRegister(m.images, m.seconds)
	return m
}
