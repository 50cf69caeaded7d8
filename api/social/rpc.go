package social

import (
	"context"

	"bandstand/api/auth"
	"bandstand/api/realtime"
)

// Methods adds what clients call over the socket, and has s hear who comes and goes.
func Methods(n *realtime.Node, s *Service) {
	realtime.Handle(n, "presence.watching", s.watching)
	n.AddWatcher(s)
	n.Heard(gossipKind, s.heard)
}

// watchingParams says what a device watches.
type watchingParams struct {
	Channel *string `json:"channel"` // slug; null for none
}

// watching is the method presence.watching. It goes for this connection, until it ends.
func (s *Service) watching(ctx context.Context, in watchingParams) (realtime.Nothing, error) {
	socket, _ := realtime.SocketOf(ctx)
	slug := ""
	if in.Channel != nil {
		slug = *in.Channel
	}
	return realtime.Nothing{}, s.Watching(ctx, auth.User(ctx), socket.ID, slug)
}
