package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	limited  *prometheus.CounterVec

	routes map[string]bool // templates of all routes; set before the first request
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_api_requests_total",
			Help: "API requests served, by method, route and class of status.",
		}, []string{"method", "route", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "bandstand_api_request_seconds",
			Help:    "Time to serve an API request, by route.",
			Buckets: []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10},
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "bandstand_api_requests_in_flight",
			Help: "API requests being served.",
		}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bandstand_api_rate_limited_total",
			Help: "API requests refused for coming too often, by limit.",
		}, []string{"limit"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.inFlight, m.limited} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// begin counts a request as being served until the returned function is called.
func (m *metrics) begin() (end func()) {
	m.inFlight.Inc()
	return m.inFlight.Dec
}

// served counts a request. route is its template; requests for nothing we have
// share one, and so do methods that nobody has: both come from outside.
func (m *metrics) served(method, route string, status int, took time.Duration) {
	if !m.routes[route] {
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status/100)+"xx").Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}
