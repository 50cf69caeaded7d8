package instance

import "bandstand/api/rest"

// Outcomes that callers tell apart.
var (
	ErrBadSettings     = rest.Invalid("bad_settings", "a name is one line of text, an address of contact an e-mail address, the terms an http or https URL")
	ErrSessionNotFound = rest.NotFound("session_not_found", "there is no such session on air")
	ErrNotOnAir        = rest.NotFound("not_on_air", "the channel is not on air")
	ErrBanNotFound     = rest.NotFound("ban_not_found", "there is no such ban in force")
	ErrBadNetwork      = rest.Invalid("bad_network", "a ban is of an IP address or of a network such as 192.0.2.0/24, that viewers can come from")
	ErrWideNetwork     = rest.Forbidden("wide_network", "moderators ban networks of up to 65536 IPv4 addresses (/16) or as wide as /32 in IPv6, admins up to /8 and /16")
	ErrOwnNetwork      = rest.Conflict("own_network", "this would ban you, or a proxy of this server")
	ErrBanExists       = rest.Conflict("ban_exists", "this network is banned already")
	ErrTooManyBans     = rest.Conflict("too_many_bans", "there are as many bans in force as there may be")
	ErrBadExpiry       = rest.Invalid("bad_expiry", "a ban ends in the future, within ten years")
	ErrBadReason       = rest.Invalid("bad_reason", "a reason has 1 to 200 characters on one line")
)
