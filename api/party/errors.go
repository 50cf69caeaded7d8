package party

import "bandstand/api/rest"

// Outcomes that callers tell apart.
var (
	// ErrNotFound is also the outcome for whoever is not in the party.
	ErrNotFound        = rest.NotFound("party_not_found", "there is no such party")
	ErrHostOnly        = rest.Forbidden("host_only", "only the host may do this")
	ErrBadName         = rest.Invalid("bad_name", "a name has 1 to 80 characters on one line")
	ErrBadItem         = rest.Invalid("bad_item", "an item is a channel or a recording: {kind: channel, channel} or {kind: broadcast, broadcast}")
	ErrItemNotFound    = rest.NotFound("item_not_found", "there is no such channel or recording")
	ErrNothingLoaded   = rest.Conflict("nothing_loaded", "nothing is loaded that could play")
	ErrMoved           = rest.Conflict("moved", "somebody else was faster: look at the state again")
	ErrBadRate         = rest.Invalid("bad_rate", "a rate is between 0.25 and 4, and 1 for what is live")
	ErrBadPosition     = rest.Invalid("bad_position", "a seek has a position, or by how much and from which seq on")
	ErrTooFast         = rest.TooMany("too_fast", "too many actions, wait a moment")
	ErrTooManyParties  = rest.Conflict("too_many_parties", "you are in as many parties as you may be")
	ErrFull            = rest.Conflict("party_full", "this party has as many members as it may")
	ErrRemoved         = rest.Forbidden("removed", "the host has removed you from this party")
	ErrBadInvite       = rest.NotFound("invite_not_found", "this invitation is not good, or not any more")
	ErrTooManyInvites  = rest.Conflict("too_many_invites", "this party has as many open invitations as it may")
	ErrNotFriends      = rest.Forbidden("not_friends", "only friends can be invited by name: send others a link")
	ErrUserNotFound    = rest.NotFound("user_not_found", "there is no such person")
	ErrMemberNotFound  = rest.NotFound("member_not_found", "this person is not in the party")
	ErrAlreadyMember   = rest.Conflict("already_member", "this person is in the party")
	ErrNotYourself     = rest.Conflict("not_yourself", "leave the party instead")
	ErrQueueFull       = rest.Conflict("queue_full", "the queue is full")
	ErrQueueEmpty      = rest.Conflict("queue_empty", "nothing is left in the queue")
	ErrEntryNotFound   = rest.NotFound("entry_not_found", "this is not in the queue")
	ErrBadText         = rest.Invalid("bad_party_message", "a message has 1 to 500 characters that can be shown")
	ErrMessageNotFound = rest.NotFound("message_not_found", "there is no such message")
	ErrKeyUsed         = rest.Conflict("send_key_used", "this send key belongs to another message")
)
