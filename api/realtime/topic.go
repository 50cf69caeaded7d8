package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Topic is a kind of thing that clients subscribe to. The name of a topic is its kind,
// a colon, and what it is about, such as "chat:my-channel".
type Topic struct {
	Kind string // with the colon: "chat:"

	// Keep is how many of the latest events a client can catch up on after it lost its
	// connection, and For how long they are kept. Without, it learns only of what comes.
	Keep int
	For  time.Duration

	// Presence keeps who is there, see Node.Present.
	Presence bool

	// Admit has the last word on who may subscribe, after auth's table; nil for nobody
	// but the table. ctx is that of a method. id is what follows the colon.
	Admit func(ctx context.Context, id string) error

	// Joined hears that a socket has subscribed, with the data that its client sent
	// along, and Left that it is no longer: once for each Joined, and after it. Both may
	// be nil. What the client calls meanwhile waits for them.
	Joined func(ctx context.Context, s Subscription)
	Left   func(s Subscription)

	// Snapshot returns the event that a client gets when it has subscribed: how things
	// are. It is asked once the client hears what changes, so that nothing falls in
	// between; what happens while it answers may reach the client first, so where that
	// matters data carries a version. It is sent again when nodes have lost sight of
	// each other. May be nil.
	Snapshot func(ctx context.Context, id string) (Event, error)

	rule auth.Rule
}

// Subscription is a socket on a topic.
type Subscription struct {
	Socket Socket
	ID     string // of the topic: what follows the colon
	Data   []byte // JSON that the client sent along; nil if none
}

// AddTopic adds a kind of topic.
func (n *Node) AddTopic(t Topic) {
	var ok bool
	if t.rule, ok = auth.SocketRuleOf(t.Kind); !ok || !strings.HasSuffix(t.Kind, ":") {
		n.wrong = append(n.wrong, fmt.Errorf("topic %q has no rule", t.Kind))
	}
	n.topics[t.Kind] = t
}

// Names longer than this are refused: the longest is a kind and a slug or an id.
const maxTopicLength = 64

// maxSubscribeData is how many bytes a client may send along to subscribe: they are kept.
const maxSubscribeData = 1024

// maxHistory is how many events a client can catch up on at most.
const maxHistory = 1000

// kindOf returns the kind of a topic, without the colon.
func kindOf(topic string) string {
	kind, _, _ := strings.Cut(topic, ":")
	return kind
}

var (
	errNoTopic = rest.NotFound("topic_not_found", "there is no such topic")
	errNoToken = rest.Unauthorized("unauthorized", "a token is required")
	errNotYou  = rest.Forbidden("forbidden", "this is not for you to do")
)

// subscribe is centrifuge's handler for subscriptions of s.
func (n *Node) subscribe(s *socket, e centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
	s.queue(func(ctx context.Context) {
		kind, id, _ := strings.Cut(e.Channel, ":")
		topic, ok := n.topics[kind+":"]
		if !ok {
			reply(centrifuge.SubscribeReply{}, n.errorOf(ctx, errNoTopic))
			return
		}
		if len(e.Data) > maxSubscribeData {
			reply(centrifuge.SubscribeReply{}, n.errorOf(ctx, errBadParams))
			return
		}
		// Whatever changes once this is known has the client looked at again, behind
		// what it is told now.
		sub := Subscription{Socket: s.view(), ID: id, Data: e.Data}
		topic.leave(s.ask(e.Channel, sub))
		err := caught(func() (err error) {
			ctx, err = n.admit(ctx, s, topic, id)
			return err
		})
		if err == nil {
			err = n.count(ctx, topic.rule)
		}
		if err != nil {
			s.left(e.Channel)
			reply(centrifuge.SubscribeReply{}, n.errorOf(ctx, err))
			return
		}
		reply(centrifuge.SubscribeReply{Options: topic.options()}, nil)
		if !s.client.IsSubscribed(e.Channel) { // it is gone, or was quick to unsubscribe
			s.left(e.Channel)
			return
		}
		sub.Socket = s.view()
		s.joined(e.Channel, sub)
		if topic.Joined != nil {
			topic.Joined(ctx, sub)
		}
		n.sendSnapshot(ctx, s, topic, id)
	}, func(err error) { reply(centrifuge.SubscribeReply{}, err) })
}

// unsubscribed hears that a subscription of s has ended, after what s called before.
func (n *Node) unsubscribed(s *socket, name string) {
	if s.client.IsSubscribed(name) {
		return // again: the one that has ended was taken leave of then
	}
	n.topics[kindOf(name)+":"].leave(s.left(name))
}

// leave tells that a socket is no longer where it was, once.
func (t Topic) leave(p *place) {
	if p != nil && p.joined && t.Left != nil {
		t.Left(p.sub)
	}
}

// admit returns why whoever s speaks for may not subscribe to a topic; else a context
// as methods have.
func (n *Node) admit(ctx context.Context, s *socket, t Topic, id string) (context.Context, error) {
	ctx, err := n.enter(ctx, s, t.rule, t.slug(id))
	if err == nil && t.Admit != nil {
		err = t.Admit(ctx, id)
	}
	return ctx, err
}

// slug returns that of the channel which a topic about id is about; empty if none.
func (t Topic) slug(id string) string {
	if t.rule.NeedsChannel() {
		return id
	}
	return ""
}

func (t Topic) options() centrifuge.SubscribeOptions {
	return centrifuge.SubscribeOptions{
		EnableRecovery: t.Keep > 0, EnablePositioning: t.Keep > 0,
		EmitPresence: t.Presence,
	}
}

// sendSnapshot sends how things are on the topic, now that s hears what changes.
func (n *Node) sendSnapshot(ctx context.Context, s *socket, t Topic, id string) {
	if t.Snapshot == nil {
		return
	}
	var e Event
	err := caught(func() (err error) {
		e, err = t.Snapshot(ctx, id)
		return err
	})
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			n.cfg.Logger.WarnContext(ctx, "no snapshot for a new subscriber", "topic", t.Kind, "err", err)
		}
		return
	}
	data, err := json.Marshal(e)
	if err != nil {
		n.cfg.Logger.ErrorContext(ctx, "an event cannot be encoded", "type", e.Type, "err", err)
		return
	}
	// A client that is gone meanwhile does not miss it.
	_ = s.client.WritePublication(t.Kind+id, &centrifuge.Publication{Data: data}, centrifuge.StreamPosition{})
}
