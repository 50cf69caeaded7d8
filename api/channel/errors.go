package channel

import "errors"

// Outcomes that callers tell apart.
var (
	ErrNotFound        = errors.New("channel: not found")
	ErrForbidden       = errors.New("channel: belongs to someone else")
	ErrSlugTaken       = errors.New("channel: address is taken")
	ErrBadSlug         = errors.New("channel: not an address for a channel")
	ErrBadTitle        = errors.New("channel: not a title")
	ErrBadLadder       = errors.New("channel: ladder cannot be used")
	ErrBadCursor       = errors.New("channel: not a cursor of this list")
	ErrTooManyChannels = errors.New("channel: too many channels")
	ErrTooManyKeys     = errors.New("channel: too many stream keys")
	ErrKeyNotFound     = errors.New("channel: stream key not found")
	// ErrUnknownKey is the outcome of a stream key that opens nothing: it never
	// existed, was revoked, or its channel is gone.
	ErrUnknownKey = errors.New("channel: unknown stream key")
	// ErrBadReport is the outcome of a heartbeat that makes no sense.
	ErrBadReport = errors.New("channel: node report cannot be used")
)
