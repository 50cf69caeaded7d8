package broadcast

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	failures prometheus.Counter
	begun    prometheus.Counter
	resumed  prometheus.Counter
	ended    prometheus.Counter
	reminded prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		failures: counter("bandstand_broadcast_save_failures_total", "Times that what is on air could not be written down."),
		begun:    counter("bandstand_broadcast_begun_total", "Broadcasts that went on air."),
		resumed:  counter("bandstand_broadcast_resumed_total", "Sessions that went on with a broadcast."),
		ended:    counter("bandstand_broadcast_ended_total", "Broadcasts that ended."),
		reminded: counter("bandstand_broadcast_reminders_total", "Mails that a broadcast has begun."),
	}
	reg.MustRegister(m.failures, m.begun, m.resumed, m.ended, m.reminded)
	return m
}
