package realtime

import "context"

// gapEvent tells clients that events of a topic may be missing.
var gapEvent = Event{Type: "realtime.gap", Data: struct{}{}}

// found hears that this node and others hear of each other again. Clients of this node
// may have missed what happened on others: they are told to load anew what they show,
// and get how things are on topics that say so.
func (n *Node) found() {
	ctx := context.Background()
	for _, name := range n.node.Hub().Channels() {
		if kind := kindOf(name) + ":"; kind == userKind || n.topics[kind].Keep > 0 {
			n.PublishHere(ctx, name, gapEvent)
		}
	}
	n.recheckAll() // what others wanted of this node meanwhile, such as to expel somebody, it has not heard
	n.each(func(s *socket) {
		for name, id := range s.asked() {
			t := n.topics[kindOf(name)+":"]
			if t.Snapshot == nil {
				continue
			}
			s.after(func(ctx context.Context) {
				n.rechecks <- struct{}{}
				defer func() { <-n.rechecks }()
				if !s.client.IsSubscribed(name) {
					return
				}
				if ctx, err := n.admit(ctx, s, t, id); err == nil {
					n.sendSnapshot(ctx, s, t, id)
				}
			})
		}
	})
}
