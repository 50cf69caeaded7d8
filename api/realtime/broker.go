package realtime

import (
	"context"
	"time"

	"github.com/centrifugal/centrifuge"
)

var (
	_ centrifuge.Broker     = (*link)(nil)
	_ centrifuge.Controller = (*link)(nil)
)

// RegisterControlEventHandler implements centrifuge.Controller.
func (l *link) RegisterControlEventHandler(h centrifuge.ControlEventHandler) error {
	l.control = h
	return nil
}

// RegisterBrokerEventHandler implements centrifuge.Broker. If Redis is not there, the
// node begins alone.
func (l *link) RegisterBrokerEventHandler(h centrifuge.BrokerEventHandler) error {
	l.events = h
	if err := l.open(context.Background()); err != nil {
		l.mu.Lock()
		l.since = time.Now()
		l.mu.Unlock()
		l.up.Set(0)
		l.log.Warn("redis does not answer: this node begins alone", "err", err)
	}
	return nil
}

// PublishControl implements centrifuge.Controller. What is for others is lost while
// they cannot be reached.
func (l *link) PublishControl(data []byte, node, shard string) error {
	if e := l.current(); e != nil {
		if err := e.broker.PublishControl(data, node, shard); err != nil {
			l.failed(e, err)
		}
	}
	return nil
}

// Publish implements centrifuge.Broker. While Redis is away, it is to the clients of
// this node, and kept for nobody.
func (l *link) Publish(topic string, data []byte, opts centrifuge.PublishOptions) (centrifuge.StreamPosition, bool, error) {
	if e := l.current(); e != nil {
		at, cached, err := e.broker.Publish(topic, data, opts)
		if err == nil {
			return at, cached, nil
		}
		l.failed(e, err)
	}
	l.n.metrics.unpublished.Inc()
	return centrifuge.StreamPosition{}, false,
		l.events.HandlePublication(topic, &centrifuge.Publication{Data: data}, centrifuge.StreamPosition{}, false, nil)
}

// Subscribe implements centrifuge.Broker.
func (l *link) Subscribe(topic string) error {
	l.mu.Lock()
	if _, ok := l.where[topic]; !ok {
		l.where[topic] = centrifuge.StreamPosition{}
	}
	e := l.era
	if e == nil {
		l.late[topic] = true
	}
	l.mu.Unlock()
	if e == nil {
		return nil
	}
	return l.subscribe(e, topic)
}

// subscribe has this node hear of a topic. For a moment after its connection broke
// there is nothing to subscribe with.
func (l *link) subscribe(e *era, topic string) error {
	const tries = 20
	var err error
	for range tries {
		if err = e.broker.Subscribe(topic); err == nil || l.current() != e {
			return nil
		}
		time.Sleep(redisAnswersIn / tries)
	}
	l.lose(e, err) // the next era begins with all subscriptions
	l.mu.Lock()
	l.late[topic] = true
	l.mu.Unlock()
	return nil
}

// Unsubscribe implements centrifuge.Broker. If Redis does not hear it, what comes for
// nobody is passed over.
func (l *link) Unsubscribe(topic string) error {
	l.mu.Lock()
	delete(l.where, topic)
	delete(l.late, topic)
	e := l.era
	l.mu.Unlock()
	if e != nil {
		_ = e.broker.Unsubscribe(topic)
	}
	return nil
}

// History implements centrifuge.Broker. While Redis is away there are no events, and
// the latest is the one that this node knows of.
func (l *link) History(topic string, opts centrifuge.HistoryOptions) ([]*centrifuge.Publication, centrifuge.StreamPosition, error) {
	if e := l.current(); e != nil {
		events, at, err := e.broker.History(topic, opts)
		if err == nil {
			l.note(topic, at)
			return events, at, nil
		}
		l.failed(e, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.where[topic]
	if at.Epoch == "" {
		// Nodes that are alone at the same time agree on how a stream begins.
		at = centrifuge.StreamPosition{Epoch: "alone-" + time.Now().UTC().Format(time.DateOnly)}
		if ok {
			l.where[topic] = at
		}
	}
	return nil, at, nil
}

// note remembers how far a stream has come.
func (l *link) note(topic string, at centrifuge.StreamPosition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.where[topic]; ok && (before.Epoch != at.Epoch || before.Offset < at.Offset) {
		l.where[topic] = at
	}
}

// RemoveHistory implements centrifuge.Broker.
func (l *link) RemoveHistory(topic string) error {
	if e := l.current(); e != nil {
		return e.broker.RemoveHistory(topic)
	}
	return nil
}

// PublishJoin implements centrifuge.Broker. No topic tells of it.
func (l *link) PublishJoin(string, *centrifuge.ClientInfo) error { return nil }

// PublishLeave implements centrifuge.Broker. No topic tells of it.
func (l *link) PublishLeave(string, *centrifuge.ClientInfo) error { return nil }

// HandlePublication implements centrifuge.BrokerEventHandler: it hands on what comes
// from Redis.
func (l *link) HandlePublication(topic string, p *centrifuge.Publication, at centrifuge.StreamPosition, delta bool, previous *centrifuge.Publication) error {
	if p.Offset > 0 {
		l.note(topic, centrifuge.StreamPosition{Epoch: at.Epoch, Offset: p.Offset})
	}
	return l.events.HandlePublication(topic, p, at, delta, previous)
}

// HandleJoin implements centrifuge.BrokerEventHandler.
func (l *link) HandleJoin(topic string, who *centrifuge.ClientInfo) error {
	return l.events.HandleJoin(topic, who)
}

// HandleLeave implements centrifuge.BrokerEventHandler.
func (l *link) HandleLeave(topic string, who *centrifuge.ClientInfo) error {
	return l.events.HandleLeave(topic, who)
}
