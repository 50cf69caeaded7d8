package realtime

import (
	"context"
	"encoding/json"

	"github.com/centrifugal/centrifuge"
	"github.com/google/uuid"
)

// PublishHere is Publish to the sockets of this node alone: for what every node finds
// out by itself. It is not kept for those who come back: they get a snapshot.
func (n *Node) PublishHere(ctx context.Context, topic string, e Event) {
	data, err := json.Marshal(e)
	if err != nil {
		n.cfg.Logger.ErrorContext(ctx, "an event cannot be encoded", "type", e.Type, "err", err)
		return
	}
	if err := n.node.Hub().BroadcastPublication(topic, &centrifuge.Publication{Data: data}, centrifuge.StreamPosition{}); err != nil {
		n.cfg.Logger.WarnContext(ctx, "an event is lost", "type", e.Type, "err", err)
	}
}

// TellHere is Tell to the sockets of this node alone.
func (n *Node) TellHere(ctx context.Context, user uuid.UUID, e Event) {
	n.PublishHere(ctx, userKind+user.String(), e)
}

// IsHere reports whether a person has a socket on this node.
func (n *Node) IsHere(user uuid.UUID) bool {
	return len(n.node.Hub().UserConnections(user.String())) > 0
}

// Users returns how many people have a socket on this node.
func (n *Node) Users() int { return n.node.Hub().NumUsers() }
