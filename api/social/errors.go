package social

import (
	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Outcomes that callers tell apart.
var (
	ErrUserNotFound     = rest.NotFound("user_not_found", "there is no such person")
	ErrChannelNotFound  = auth.ErrChannelNotFound
	ErrYourself         = rest.Invalid("yourself", "this takes somebody else than you")
	ErrBadNote          = rest.Invalid("bad_note", "a note has up to 200 characters on one line")
	ErrAlreadyFriends   = rest.Conflict("already_friends", "you are friends already")
	ErrAlreadyRequested = rest.Conflict("already_requested", "you have asked this person already")
	ErrYouBlocked       = rest.Conflict("blocked_by_you", "you have blocked this person: unblock them first")
	ErrNoRequests       = rest.Forbidden("requests_not_taken", "this person takes no friend requests")
	ErrTooManyFriends   = rest.Conflict("too_many_friends", "one of you has as many friends as one may")
	ErrTooManyPending   = rest.Conflict("too_many_requests_pending", "you have asked as many people as may be asked at a time: cancel a request first")
	ErrTooManyBlocks    = rest.Conflict("too_many_blocks", "you have blocked as many people as one may")
	ErrRequestNotFound  = rest.NotFound("friend_request_not_found", "there is no such friend request")
	ErrNotificationGone = rest.NotFound("notification_not_found", "there is no such notification")
	// ErrTooManyToday comes with the time after which one may ask again.
	ErrTooManyToday = rest.TooMany("too_many_friend_requests", "you have asked many people today, go on tomorrow")
)
