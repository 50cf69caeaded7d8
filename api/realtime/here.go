package realtime

import (
	"context"
	"encoding/json"

	"github.com/centrifugal/centrifuge"
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
