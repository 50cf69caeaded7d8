package channel

import (
	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Outcomes that callers tell apart.
var (
	ErrNotFound        = auth.ErrChannelNotFound
	ErrForbidden       = rest.Forbidden("forbidden", "this is not for you to do")
	ErrSlugTaken       = rest.Conflict("slug_taken", "this address is taken")
	ErrBadSlug         = rest.Invalid("bad_slug", "an address has 2 to 40 small letters, digits and single dashes between them, and some words are reserved")
	ErrBadTitle        = rest.Invalid("bad_title", "a title has 1 to 100 characters on one line")
	ErrBadLadder       = rest.Invalid("bad_ladder", "a ladder has up to 6 rungs with names of their own and settings that an encoder can follow")
	ErrBadCursor       = rest.ErrBadCursor
	ErrTooManyChannels = rest.Conflict("too_many_channels", "this account has as many channels as it may")
	ErrTooManyKeys     = rest.Conflict("too_many_keys", "this channel has as many stream keys as it may")
	ErrKeyNotFound     = rest.NotFound("key_not_found", "there is no such stream key in use")
	// ErrUnknownKey is the outcome of a stream key that opens nothing: it never
	// existed, was revoked, or its channel is gone.
	ErrUnknownKey = rest.NotFound("unknown_key", "this stream key opens no channel")
	// ErrBadReport is the outcome of a heartbeat that makes no sense.
	ErrBadReport = rest.Invalid("bad_report", "the report of this node cannot be used")
)
