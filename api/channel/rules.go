package channel

import "context"

// Rules is what admins decide about channels. It answers from memory.
type Rules interface {
	// MaxChannels returns how many channels somebody who is not an admin may have.
	MaxChannels(ctx context.Context) int
	// DefaultVisibility returns the visibility of a new channel whose owner chose none.
	DefaultVisibility(ctx context.Context) string
	// RequireConfirmedEmail reports whether it takes a confirmed address to make one.
	RequireConfirmedEmail(ctx context.Context) bool
}

// usualRules is the Rules of a server where nobody has decided anything.
type usualRules struct{}

func (usualRules) MaxChannels(context.Context) int            { return 250 }
func (usualRules) DefaultVisibility(context.Context) string   { return Public }
func (usualRules) RequireConfirmedEmail(context.Context) bool { return false }
