package realtime

import (
	"context"
	"encoding/json"

	"github.com/centrifugal/centrifuge"
	"github.com/google/uuid"

	"bandstand/api/auth"
)

// Event is what happened, as clients get it.
type Event struct {
	Type string `json:"type"` // such as "chat.message"
	Data any    `json:"data"`

	// Forget has what the topic kept before this forgotten, so that nobody catches up on
	// what is not to be seen any more: who lost the connection has to load anew.
	Forget bool `json:"-"`
}

// userKind is the kind of the topic of one person: each socket of theirs is subscribed.
const userKind = "user:"

// userTopic is what a person's own topic is like.
var userTopic = Topic{Kind: userKind, Keep: 100, For: inboxFor, Presence: true}

// Publish tells all who are subscribed to a topic, on all nodes, in the order in which
// it is called for one topic here. What happened is stored by then: a failure is logged
// and counted, and whoever is connected to this node hears of it all the same.
func (n *Node) Publish(ctx context.Context, topic string, e Event) {
	data, err := json.Marshal(e)
	if err != nil {
		n.cfg.Logger.ErrorContext(ctx, "an event cannot be encoded", "type", e.Type, "err", err)
		return
	}
	var options []centrifuge.PublishOption
	kind := kindOf(topic) + ":"
	t, ok := n.topics[kind]
	if kind == userKind {
		t, ok = userTopic, true
	}
	if ok && t.Keep > 0 {
		if e.Forget {
			if err := n.node.RemoveHistory(topic); err != nil {
				n.cfg.Logger.WarnContext(ctx, "what a topic kept is not forgotten", "topic", kind, "err", err)
			}
		}
		options = append(options, centrifuge.WithHistory(t.Keep, t.For))
	}
	if _, err = n.node.Publish(topic, data, options...); err != nil {
		n.cfg.Logger.WarnContext(ctx, "an event is lost", "type", e.Type, "err", err)
	}
}

// Tell is Publish to all sockets of one person.
func (n *Node) Tell(ctx context.Context, user uuid.UUID, e Event) {
	n.Publish(ctx, userKind+user.String(), e)
}

// Expel ends the subscriptions of a person to a topic, on all nodes: somebody has left
// what it is about, or was made to. They may subscribe again if they are admitted.
func (n *Node) Expel(ctx context.Context, user uuid.UUID, topic string) {
	if user == uuid.Nil {
		return // all who are not signed in
	}
	if err := n.node.Unsubscribe(user.String(), topic, centrifuge.WithCustomUnsubscribe(endNoAccess)); err != nil {
		n.cfg.Logger.WarnContext(ctx, "somebody may still be subscribed on other nodes", "err", err)
	}
}

// Socket is a connected client.
type Socket struct {
	ID   string // of this connection alone; a client that reconnects gets another
	User auth.Principal
	From auth.Client
}

// Present returns the sockets on a topic that keeps presence, on all nodes: their ids,
// and whose they are; uuid.Nil for who is not signed in.
func (n *Node) Present(topic string) (map[string]uuid.UUID, error) {
	result, err := n.node.Presence(topic)
	if err != nil {
		return nil, err
	}
	present := make(map[string]uuid.UUID, len(result.Presence))
	for id, info := range result.Presence {
		user, _ := uuid.Parse(info.UserID)
		present[id] = user
	}
	return present, nil
}

// Online reports whether a person has a socket, on any node.
func (n *Node) Online(user uuid.UUID) (bool, error) {
	stats, err := n.node.PresenceStats(userKind + user.String())
	return stats.NumClients > 0, err
}

// Has reports whether the socket with this id is connected to this node.
func (n *Node) Has(socket string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sockets[socket] != nil
}

// Subscribers returns how many sockets of this node are on a topic.
func (n *Node) Subscribers(topic string) int { return n.node.Hub().NumSubscribers(topic) }

// ID returns the id of this node among all; another after each start.
func (n *Node) ID() string { return n.node.ID() }

// Announce tells the other nodes something of a kind, and this one too: those that
// listen to Heard. Nothing is stored; who is not there does not hear it.
func (n *Node) Announce(kind string, data []byte) error { return n.node.Notify(kind, data, "") }

// Heard has what nodes announce of a kind given to hear, which must not block. One per
// kind; called before Handler.
func (n *Node) Heard(kind string, hear func(node string, data []byte)) { n.heard[kind] = hear }

func (n *Node) notified(e centrifuge.NotificationEvent) {
	if hear := n.heard[e.Op]; hear != nil {
		hear(e.FromNodeID, e.Data)
	}
}
