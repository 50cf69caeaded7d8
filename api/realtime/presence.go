package realtime

import (
	"maps"

	"github.com/centrifugal/centrifuge"
)

var _ centrifuge.PresenceManager = (*link)(nil)

// departure is a client that left a topic while Redis could not be told.
type departure struct{ topic, client, user string }

// maxDepartures bounds what Redis is told of when it is back. The rest it forgets by
// itself, see presenceFor.
const maxDepartures = 10_000

// AddPresence implements centrifuge.PresenceManager.
func (l *link) AddPresence(topic, client string, who *centrifuge.ClientInfo) error {
	l.mu.Lock()
	if l.present[topic] == nil {
		l.present[topic] = map[string]*centrifuge.ClientInfo{}
	}
	l.present[topic][client] = who
	e := l.era
	l.mu.Unlock()
	if e != nil {
		if err := e.presence.AddPresence(topic, client, who); err != nil {
			l.failed(e, err)
		}
	}
	return nil
}

// RemovePresence implements centrifuge.PresenceManager.
func (l *link) RemovePresence(topic, client, user string) error {
	l.mu.Lock()
	delete(l.present[topic], client)
	if len(l.present[topic]) == 0 {
		delete(l.present, topic)
	}
	e := l.era
	l.mu.Unlock()
	if e != nil {
		err := e.presence.RemovePresence(topic, client, user)
		if err == nil {
			return nil
		}
		l.failed(e, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.departed) < maxDepartures {
		l.departed = append(l.departed, departure{topic, client, user})
	}
	return nil
}

// Presence implements centrifuge.PresenceManager. While Redis is away it is of the
// clients of this node.
func (l *link) Presence(topic string) (map[string]*centrifuge.ClientInfo, error) {
	if e := l.current(); e != nil {
		present, err := e.presence.Presence(topic)
		if err == nil {
			return present, nil
		}
		l.failed(e, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.present[topic]), nil
}

// PresenceStats implements centrifuge.PresenceManager.
func (l *link) PresenceStats(topic string) (centrifuge.PresenceStats, error) {
	if e := l.current(); e != nil {
		stats, err := e.presence.PresenceStats(topic)
		if err == nil {
			return stats, nil
		}
		l.failed(e, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	users := map[string]bool{}
	for _, who := range l.present[topic] {
		users[who.UserID] = true
	}
	return centrifuge.PresenceStats{NumClients: len(l.present[topic]), NumUsers: len(users)}, nil
}

// show tells a Redis that is back who is here, and who has left meanwhile.
func (l *link) show(e *era, departed []departure) {
	for _, d := range departed {
		if err := e.presence.RemovePresence(d.topic, d.client, d.user); err != nil {
			return // lost again, or soon told
		}
	}
	l.mu.Lock()
	here := make(map[string]map[string]*centrifuge.ClientInfo, len(l.present))
	for topic, clients := range l.present {
		here[topic] = maps.Clone(clients)
	}
	l.mu.Unlock()
	for topic, clients := range here {
		for client, who := range clients {
			if err := e.presence.AddPresence(topic, client, who); err != nil {
				return
			}
		}
	}
}
