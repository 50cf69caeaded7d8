package call

import "bandstand/api/rest"

// Outcomes that callers tell apart.
var (
	ErrUserNotFound        = rest.NotFound("user_not_found", "there is no such person")
	ErrCallNotFound        = rest.NotFound("call_not_found", "there is no such call")
	ErrParticipantNotFound = rest.NotFound("participant_not_found", "you are not in this call, or not any more")
	ErrPartyNotFound       = rest.NotFound("party_not_found", "there is no such party")
	ErrYourself            = rest.Invalid("call_yourself", "you cannot call yourself")
	ErrNotFriends          = rest.Forbidden("not_friends", "only friends call each other")
	ErrInCall              = rest.Conflict("in_a_call", "you are in a call already")
	ErrBusy                = rest.Conflict("callee_busy", "this person is in another call")
	ErrAnswered            = rest.Conflict("call_answered", "this call was answered already")
	ErrOver                = rest.Conflict("call_over", "this call is over")
	ErrFull                = rest.Conflict("call_full", "this call has as many people as it may")
	ErrNotThere            = rest.Conflict("not_subscribed", "subscribe to the topic of your participant first")
	ErrTooManyCalls        = rest.TooMany("too_many_calls", "too many calls, wait a moment")
	ErrTooManySignals      = rest.TooMany("too_many_signals", "too many signals, wait a moment")
	ErrPeerNotFound        = rest.NotFound("peer_not_found", "this participant is not in your call, or not any more")
	ErrSignalTooLarge      = rest.TooLarge("signal_too_large", "a description has up to 16 KiB, and a candidate up to 1 KiB")
	ErrBadSignal           = rest.Invalid("bad_signal", "a signal is either a description of type offer or answer, or a candidate")
)
