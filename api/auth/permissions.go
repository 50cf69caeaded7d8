package auth

import (
	"maps"
	"slices"
)

// permissions is who may call which operation, by its OpenAPI id. The API does not
// start with an operation that is not here, nor with an entry that is no operation.
var permissions = map[string]Rule{
	// The instance.
	"get-instance": everyone(),

	// Coming and going.
	"signup":              everyone(),
	"login":               everyone(),
	"refresh":             everyone(), // the refresh token proves who
	"logout":              everyone(), // likewise
	"confirm-email":       everyone(), // the token from the mail proves who
	"resend-confirmation": everyone(),
	"forgot-password":     everyone(),
	"reset-password":      everyone(), // likewise
	"restore-account":     everyone(), // the password proves who
	"logout-everywhere":   users(""),
	"list-sessions":       users(""),
	"revoke-session":      users(""),
	"list-tokens":         users(""),
	"create-token":        users(""),
	"revoke-token":        users(""),

	// People.
	"me":              users(ScopeRead),
	"update-me":       users(ScopeSocial),
	"change-password": users(""),
	"change-email":    users(""),
	"delete-me":       users(""),
	"get-user":        everyone(),
	"put-my-avatar":   users(ScopeSocial),
	"del-my-avatar":   users(ScopeSocial),
	"my-channels":     users(ScopeRead),
	"my-follows":      users(ScopeRead),

	// Channels.
	"list-channels":         everyone(),
	"list-live":             everyone(),
	"create-channel":        users(ScopeChannels),
	"get-channel":           viewers(ScopeRead),
	"update-channel":        members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"delete-channel":        members(Owner, RoleAdmin, ScopeChannels),
	"list-members":          members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeRead),
	"put-member":            members(Owner, RoleAdmin, ScopeChannels),
	"delete-member":         members(Owner, RoleAdmin, ScopeChannels),
	"leave-channel":         members(Broadcaster|ChanModerator|ChanViewer, "", ScopeChannels),
	"list-stream-keys":      members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"create-stream-key":     members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"rotate-stream-key":     members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"revoke-stream-key":     members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"create-playback":       viewers(ScopeRead),
	"share-playback":        members(Owner|Broadcaster|ChanModerator, RoleAdmin, ScopeChannels),
	"follow":                userViewers(ScopeSocial),
	"unfollow":              users(ScopeSocial), // also of a channel that has become private
	"list-followers":        members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeRead),
	"like":                  viewers(ScopeSocial),
	"put-channel-avatar":    members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"del-channel-avatar":    members(Owner|Broadcaster, RoleModerator, ScopeChannels),
	"put-channel-banner":    members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"del-channel-banner":    members(Owner|Broadcaster, RoleModerator, ScopeChannels),
	"put-channel-thumbnail": members(Owner|Broadcaster, RoleAdmin, ScopeChannels),
	"del-channel-thumbnail": members(Owner|Broadcaster, RoleModerator, ScopeChannels),

	// Pictures: those that are not ready are only there for whoever has sent them.
	"get-image": everyone(),

	// On air.
	"get-channel-session": members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeRead),
	"end-channel-session": members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeBroadcasts),

	// Broadcasts.
	"list-broadcasts":         everyone(), // of public channels
	"list-channel-broadcasts": viewers(ScopeRead),
	"channel-calendar":        viewers(ScopeRead),
	"get-broadcast":           viewers(ScopeRead),
	"create-broadcast":        members(Owner|Broadcaster, RoleAdmin, ScopeBroadcasts),
	"update-broadcast":        members(Owner|Broadcaster, RoleAdmin, ScopeBroadcasts),
	"delete-broadcast":        members(Owner|Broadcaster, RoleAdmin, ScopeBroadcasts),
	"publish-broadcast":       members(Owner|Broadcaster, RoleAdmin, ScopeBroadcasts),
	"unpublish-broadcast":     members(Owner|Broadcaster, RoleModerator, ScopeBroadcasts),
	"list-broadcast-sessions": members(Owner|Broadcaster, RoleModerator, ScopeRead),
	"put-reminder":            userViewers(ScopeSocial),
	"delete-reminder":         users(ScopeSocial),
	"unsubscribe":             everyone(), // the token from the mail proves who
	"unsubscribe-page":        everyone(), // likewise
	"put-broadcast-thumbnail": members(Owner|Broadcaster, RoleAdmin, ScopeBroadcasts),
	"del-broadcast-thumbnail": members(Owner|Broadcaster, RoleModerator, ScopeBroadcasts),

	// Webhooks.
	"list-webhooks":     members(Owner, RoleAdmin, ScopeChannels),
	"create-webhook":    members(Owner, RoleAdmin, ScopeChannels),
	"get-webhook":       members(Owner, RoleAdmin, ScopeChannels),
	"update-webhook":    members(Owner, RoleAdmin, ScopeChannels),
	"delete-webhook":    members(Owner, RoleAdmin, ScopeChannels),
	"test-webhook":      members(Owner, RoleAdmin, ScopeChannels),
	"list-deliveries":   members(Owner, RoleAdmin, ScopeChannels),
	"redeliver-webhook": members(Owner, RoleAdmin, ScopeChannels),

	// Running the instance.
	"admin-list-users":      staff(RoleModerator),
	"admin-get-user":        staff(RoleModerator),
	"admin-create-user":     staff(RoleAdmin),
	"admin-set-role":        staff(RoleAdmin),
	"admin-suspend-user":    staff(RoleModerator),
	"admin-reinstate-user":  staff(RoleModerator),
	"admin-delete-user":     staff(RoleAdmin),
	"admin-restore-user":    staff(RoleAdmin),
	"admin-list-channels":   staff(RoleModerator),
	"admin-list-invites":    staff(RoleAdmin),
	"admin-create-invite":   staff(RoleAdmin),
	"admin-revoke-invite":   staff(RoleAdmin),
	"admin-list-sessions":   staff(RoleModerator),
	"admin-end-session":     staff(RoleModerator),
	"admin-list-bans":       staff(RoleModerator),
	"admin-create-ban":      staff(RoleModerator),
	"admin-lift-ban":        staff(RoleModerator),
	"admin-list-audit":      staff(RoleAdmin),
	"admin-get-settings":    staff(RoleAdmin),
	"admin-update-settings": staff(RoleAdmin),

	// Chat.
	"list-messages":        viewers(ScopeRead),
	"get-message":          viewers(ScopeRead),
	"send-message":         userViewers(ScopeChat),
	"edit-message":         userViewers(ScopeChat), // one's own
	"delete-message":       userViewers(ScopeChat), // one's own; of others, moderators
	"like-message":         userViewers(ScopeChat),
	"unlike-message":       userViewers(ScopeChat),
	"list-pinned":          viewers(ScopeRead),
	"pin-message":          members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChat),
	"unpin-message":        members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChat),
	"clear-chat":           members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChat),
	"get-chat-settings":    viewers(ScopeRead),
	"update-chat-settings": members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChat),
	"get-blocked-words":    members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeRead),
	"put-blocked-words":    members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChat),
	"list-chat-bans":       members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeRead),
	"create-chat-ban":      members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChat),
	"lift-chat-ban":        members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChat),
	"list-chat-log":        members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeRead),
	"list-emotes":          viewers(ScopeRead),
	"create-emote":         members(Owner|Broadcaster|ChanModerator, RoleAdmin, ScopeChannels),
	"put-emote-picture":    members(Owner|Broadcaster|ChanModerator, RoleAdmin, ScopeChannels),
	"delete-emote":         members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeChannels),
	"list-broadcast-chat":  viewers(ScopeRead),

	// Emotes of the whole instance; list-emotes has them too.
	"admin-list-emotes":       staff(RoleModerator),
	"admin-create-emote":      staff(RoleAdmin),
	"admin-put-emote-picture": staff(RoleAdmin),
	"admin-delete-emote":      staff(RoleModerator),

	// How many watch.
	"get-broadcast-audience": viewers(ScopeRead),

	// Friends and the inbox.
	"list-friends":           users(ScopeRead),
	"remove-friend":          users(ScopeSocial),
	"list-friend-requests":   users(ScopeRead),
	"send-friend-request":    users(ScopeSocial),
	"accept-friend-request":  users(ScopeSocial),
	"decline-friend-request": users(ScopeSocial),
	"cancel-friend-request":  users(ScopeSocial),
	"list-blocks":            users(ScopeRead),
	"block-user":             users(ScopeSocial),
	"unblock-user":           users(ScopeSocial),
	"get-social-settings":    users(ScopeRead),
	"update-social-settings": users(ScopeSocial),
	"list-notifications":     users(ScopeRead),
	"read-notification":      users(ScopeSocial),
	"read-notifications":     users(ScopeSocial),
	"delete-notification":    users(ScopeSocial),

	// Watch parties: who is in one, and may act there, its service knows.
	"my-parties":           users(ScopeRead),
	"create-party":         users(ScopeSocial),
	"get-party":            users(ScopeRead),
	"update-party":         users(ScopeSocial),
	"end-party":            users(ScopeSocial),
	"join-party":           users(ScopeSocial), // the code of a link proves that one may
	"preview-party":        everyone(),         // likewise
	"leave-party":          users(ScopeSocial),
	"list-party-members":   users(ScopeRead),
	"remove-party-member":  users(ScopeSocial),
	"list-party-invites":   users(ScopeRead),
	"create-party-invite":  users(ScopeSocial),
	"revoke-party-invite":  users(ScopeSocial),
	"my-party-invites":     users(ScopeRead),
	"decline-party-invite": users(ScopeSocial),
	"list-party-queue":     users(ScopeRead),
	"add-party-item":       users(ScopeSocial),
	"move-party-item":      users(ScopeSocial),
	"remove-party-item":    users(ScopeSocial),
	"list-party-messages":  users(ScopeRead),
	"send-party-message":   users(ScopeSocial),
	"delete-party-message": users(ScopeSocial),

	// Calls.
	"my-calls":    users(ScopeRead),
	"ice-servers": users(ScopeSocial),

	// Ingest: nodes, and other servers' hooks that show a stream key as proof.
	"authorize-publisher": services(ScopeIngest),
	"ingest-heartbeat":    services(ScopeIngest),
	"on-publish":          everyone(),
}

// sockets is who may call which method over the socket, and who may subscribe to which
// kind of topic: these end in a colon, which what they are about follows. What goes for
// permissions goes for these.
var sockets = map[string]Rule{
	"clock": everyone(),

	"live:":   viewers(ScopeRead), // slug: on air or not, viewers, likes
	"studio:": members(Owner|Broadcaster|ChanModerator, RoleModerator, ScopeRead),

	"chat:":       viewers(ScopeRead), // slug
	"chat.send":   userViewers(ScopeChat),
	"chat.edit":   userViewers(ScopeChat), // one's own
	"chat.delete": userViewers(ScopeChat), // one's own; of others, moderators
	"chat.like":   userViewers(ScopeChat),
	"chat.unlike": userViewers(ScopeChat),

	"presence.watching": users(ScopeSocial),

	"party:":      users(ScopeSocial), // id: its members
	"party.play":  users(ScopeSocial),
	"party.pause": users(ScopeSocial),
	"party.seek":  users(ScopeSocial),
	"party.rate":  users(ScopeSocial),
	"party.load":  users(ScopeSocial),
	"party.next":  users(ScopeSocial),
	"party.state": users(ScopeSocial),
	"party.ready": users(ScopeSocial),
	"party.send":  users(ScopeSocial),

	"call:":        users(ScopeSocial), // id of a participant: whoever that is
	"call.start":   users(ScopeSocial),
	"call.accept":  users(ScopeSocial),
	"call.reject":  users(ScopeSocial),
	"call.cancel":  users(ScopeSocial),
	"call.join":    users(ScopeSocial),
	"call.leave":   users(ScopeSocial),
	"call.resume":  users(ScopeSocial),
	"call.signal":  users(ScopeSocial),
	"call.media":   users(ScopeSocial),
	"call.current": users(ScopeRead), // what rings, and where one is in a call
}

// SocketRuleOf returns who may call the method, or subscribe to the kind of topic, with
// this name; false if it is unknown.
func SocketRuleOf(name string) (Rule, bool) {
	r, ok := sockets[name]
	return r, ok
}

// SocketNames returns the names of all methods and kinds of topic that have a rule.
func SocketNames() []string { return slices.Collect(maps.Keys(sockets)) }

// RuleOf returns who may call the operation with this id; false if it is unknown.
func RuleOf(operation string) (Rule, bool) {
	r, ok := permissions[operation]
	return r, ok
}

// Operations returns the ids of all operations that have a rule.
func Operations() []string { return slices.Collect(maps.Keys(permissions)) }
