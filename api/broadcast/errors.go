package broadcast

import (
	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Outcomes that callers tell apart.
var (
	ErrNotFound       = auth.ErrBroadcastNotFound
	ErrNoChannel      = auth.ErrChannelNotFound
	ErrBadTitle       = rest.Invalid("bad_title", "a title has 1 to 100 characters on one line")
	ErrBadDescription = rest.Invalid("bad_description", "a description has up to 5000 characters that can be shown")
	ErrBadCategory    = rest.Invalid("bad_category", "a category has up to 40 characters on one line")
	ErrBadLinks       = rest.Invalid("bad_links", "up to 10 links have a label of 1 to 60 characters and an http or https address each")
	ErrBadTags        = rest.Invalid("bad_tags", "up to 10 tags have 1 to 30 small letters, digits and single dashes between them")
	ErrBadTimes       = rest.Invalid("bad_times", "a broadcast is planned with a start in the future, within a year, and an end from a minute to seven days later")
	ErrOverlaps       = rest.Conflict("broadcast_overlaps", "another broadcast of this channel is planned for that time")
	ErrPrepared       = rest.Conflict("broadcast_prepared", "this channel has a broadcast prepared already: change that, or give this one a time")
	ErrTooMany        = rest.Conflict("too_many_broadcasts", "this channel has as many broadcasts planned as it may")
	ErrNotScheduled   = rest.Conflict("broadcast_not_scheduled", "only a broadcast that is scheduled has times that can be changed")
	ErrOnAir          = rest.Conflict("broadcast_live", "this broadcast is on air")
	ErrNotEnded       = rest.Conflict("broadcast_not_ended", "only a broadcast that has ended can be published or hidden")
	ErrBadUnsubscribe = rest.BadRequest("bad_unsubscribe_token", "this link is not whole, or no longer good: follow that in the latest mail")
	ErrNotUpcoming    = rest.Conflict("broadcast_not_upcoming", "only of a broadcast that has yet to begin can one be reminded")
)
