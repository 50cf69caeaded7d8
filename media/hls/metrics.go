package hls

import "github.com/prometheus/client_golang/prometheus"

// kind is what a request is for; a label.
type kind string

const (
	kindMultivariant kind = "multivariant"
	kindPlaylist     kind = "playlist"
	kindInit         kind = "init"
	kindSegment      kind = "segment"
	kindPart         kind = "part"
	kindThumbnail    kind = "thumbnail"
	kindOther        kind = "other"
)

var kinds = []kind{
	kindMultivariant, kindPlaylist, kindInit, kindSegment, kindPart, kindThumbnail, kindOther,
}

var codeClasses = [...]string{2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}

type metrics struct {
	streams, stored, viewers prometheus.Gauge
	gaps, shrunk, failed     prometheus.Counter
	publish                  prometheus.Histogram

	sent     map[kind]prometheus.Counter
	requests map[kind][len(codeClasses)]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_hls_streams",
			Help: "Streams served, ended ones that linger included.",
		}),
		stored: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_hls_stored_bytes",
			Help: "Media held for viewers.",
		}),
		viewers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_hls_viewers",
			Help: "Viewers that asked for a media playlist lately.",
		}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_hls_gaps_total",
			Help: "Segments that a rendition lacks and declares as gaps.",
		}),
		shrunk: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_hls_window_shrunk_total",
			Help: "Segments that left early because their stream held too many bytes.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bandstand_hls_store_errors_total",
			Help: "Parts that could not be stored.",
		}),
		publish: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "bandstand_hls_publish_latency_seconds",
			Help:    "From the arrival of a part's first packet until the part can be fetched.",
			Buckets: []float64{.01, .025, .05, .1, .15, .2, .25, .3, .5, 1, 2, 5},
		}),
		sent:     make(map[kind]prometheus.Counter),
		requests: make(map[kind][len(codeClasses)]prometheus.Counter),
	}
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bandstand_hls_bytes_sent_total",
		Help: "Body bytes sent to viewers, by what they are.",
	}, []string{"kind"})
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bandstand_hls_requests_total",
		Help: "Requests answered, by what they were for and class of status code.",
	}, []string{"kind", "code"})
	for _, k := range kinds {
		m.sent[k] = sent.WithLabelValues(string(k))
		var classes [len(codeClasses)]prometheus.Counter
		for i, class := range codeClasses {
			if class != "" {
				classes[i] = requests.WithLabelValues(string(k), class)
			}
		}
		m.requests[k] = classes
	}
	if reg != nil {
		reg.MustRegister(m.streams, m.stored, m.viewers, m.gaps, m.shrunk, m.failed, m.publish, sent, requests)
	}
	return m
}

// answered counts a response.
func (m *metrics) answered(k kind, code int) {
	if class := code / 100; class >= 2 && class < len(codeClasses) {
		m.requests[k][class].Inc()
	}
}
