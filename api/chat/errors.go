package chat

import (
	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Outcomes that callers tell apart.
var (
	ErrNotFound      = rest.NotFound("message_not_found", "there is no such message in this chat")
	ErrNoChannel     = auth.ErrChannelNotFound
	ErrForbidden     = rest.Forbidden("forbidden", "this is not for you to do")
	ErrBadBody       = rest.Invalid("bad_message", "a message is one line of 1 to 500 characters that can be shown")
	ErrBadKey        = rest.Invalid("bad_message_key", "a key has up to 64 letters, digits and signs of ASCII without spaces")
	ErrBadReply      = rest.Invalid("bad_reply", "the message that is replied to is not in this chat, or not any more")
	ErrBadSpan       = rest.Invalid("bad_span", "the end of a span is not before its beginning")
	ErrKeyUsed       = rest.Conflict("message_key_used", "you have sent a message with this key to another chat")
	ErrDuplicate     = rest.Conflict("duplicate_message", "you have just written the same")
	ErrTooLateToEdit = rest.Conflict("too_late_to_edit", "a message can be edited for 15 minutes")
	// ErrTooMany comes with the time after which there may be another.
	ErrTooMany = rest.TooMany("too_many_messages", "you write too fast, wait a moment")
)
