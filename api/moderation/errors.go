package moderation

import (
	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Why a message may not be written.
var (
	ErrDisabled = rest.Forbidden("chat_disabled", "nobody can write in this chat at the moment")
	ErrBanned   = rest.Forbidden("chat_banned", "you may not write in this chat")
	// ErrTimedOut comes with the time after which one may write again.
	ErrTimedOut = rest.Forbidden("timed_out", "you may not write in this chat for a while")
	// ErrFollowersOnly comes with the time after which somebody who follows may write.
	ErrFollowersOnly = rest.Forbidden("followers_only", "only those who follow this channel, for long enough, may write in this chat")
	ErrMembersOnly   = rest.Forbidden("members_only", "only members of this channel may write in this chat")
	// ErrSlowMode comes with the time after which the next message may be written.
	ErrSlowMode     = rest.TooMany("slow_mode", "your last message was too short a time ago for this chat")
	ErrLinksBlocked = rest.Invalid("links_blocked", "messages in this chat may have no links")
	ErrWordBlocked  = rest.Invalid("word_blocked", "there is something in the message that is not said in this chat")
	ErrEmotesOnly   = rest.Invalid("emotes_only", "messages in this chat have nothing but emotes")
)

// Outcomes of keeping order.
var (
	ErrNotFound      = auth.ErrChannelNotFound
	ErrBadWords      = rest.Invalid("bad_words", "up to 200 words have up to 60 characters each, of them two letters or digits at least, and * only at their ends")
	ErrUserNotFound  = rest.NotFound("user_not_found", "there is no such person")
	ErrCannotBan     = rest.Forbidden("cannot_ban", "the owner, staff and you yourself cannot be banned, and those who help to run the channel only by the owner or staff")
	ErrCannotLift    = rest.Forbidden("cannot_lift", "your own ban, and those of others who help to run the channel, are lifted by the owner or staff")
	ErrBadReason     = rest.Invalid("bad_reason", "a reason has up to 200 characters on one line")
	ErrTooManyBans   = rest.Conflict("too_many_bans", "there are as many bans as there may be")
	ErrBanNotFound   = rest.NotFound("ban_not_found", "there is no such ban in force")
	ErrEmoteTaken    = rest.Conflict("emote_taken", "there is an emote with this code")
	ErrTooManyEmotes = rest.Conflict("too_many_emotes", "there are as many emotes as there may be")
	ErrEmoteNotFound = rest.NotFound("emote_not_found", "there is no such emote")
)
