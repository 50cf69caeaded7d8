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
	ErrBadDescription  = rest.Invalid("bad_description", "a description has up to 5000 characters that can be shown")
	ErrBadLinks        = rest.Invalid("bad_links", "up to 10 links have a label of 1 to 60 characters and an http or https address each")
	ErrBadCategory     = rest.Invalid("bad_category", "a category has up to 40 characters on one line")
	ErrBadTags         = rest.Invalid("bad_tags", "up to 10 tags have 1 to 30 small letters, digits and single dashes between them")
	ErrBadRecording    = rest.Invalid("bad_recording", "up to 8 renditions are recorded, each named once")
	ErrBadLadder       = rest.Invalid("bad_ladder", "a ladder has up to 6 rungs with names of their own and settings that an encoder can follow")
	ErrBadLabel        = rest.Invalid("bad_label", "a label has 1 to 60 characters on one line")
	ErrNotConfirmed    = rest.Forbidden("email_not_confirmed", "this takes an account whose e-mail address is confirmed")
	ErrTooManyChannels = rest.Conflict("too_many_channels", "this account has as many channels as it may")
	ErrTooManyKeys     = rest.Conflict("too_many_keys", "this channel has as many stream keys as it may")
	ErrKeyNotFound     = rest.NotFound("key_not_found", "there is no such stream key in use")
	ErrUserNotFound    = rest.NotFound("user_not_found", "there is no such person")
	ErrMemberNotFound  = rest.NotFound("member_not_found", "this person is no member of the channel")
	ErrOwnerNoMember   = rest.Conflict("owner_is_no_member", "the owner of a channel cannot be its member too")
	ErrTooManyMembers  = rest.Conflict("too_many_members", "this channel has as many members as it may")
	ErrTooManyFollows  = rest.Conflict("too_many_follows", "this account follows as many channels as it may")
	// ErrLikedLately comes with the time after which the next like counts.
	ErrLikedLately = rest.TooMany("liked_lately", "you have liked this channel a moment ago")
	// ErrUnknownKey is the outcome of a stream key that opens nothing: it never
	// existed, was revoked, or its channel or its owner is gone.
	ErrUnknownKey = rest.NotFound("unknown_key", "this stream key opens no channel")
	// ErrNotPublished is the outcome of a hook by which nobody may publish.
	ErrNotPublished = rest.Forbidden("not_published", "this stream key opens no channel of this name")
	// ErrBadHook is the outcome of a hook that nobody sends.
	ErrBadHook = rest.BadRequest("bad_hook", "this is neither the hook of nginx-rtmp nor of SRS")
	// ErrHookType is the outcome of a hook in another form.
	ErrHookType = rest.Unsupported("hook_type", "the body must be application/x-www-form-urlencoded or application/json")
	// ErrBadReport is the outcome of a heartbeat that makes no sense.
	ErrBadReport = rest.Invalid("bad_report", "the report of this node cannot be used")
)
