package auth

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

	// Ingest: nodes, and other servers' hooks that show a stream key as proof.
	"authorize-publisher": services(ScopeIngest),
	"ingest-heartbeat":    services(ScopeIngest),
	"on-publish":          everyone(),
}

// RuleOf returns who may call the operation with this id; false if it is unknown.
func RuleOf(operation string) (Rule, bool) {
	r, ok := permissions[operation]
	return r, ok
}

// Operations returns the ids of all operations that have a rule.
func Operations() []string {
	ids := make([]string, 0, len(permissions))
	for id := range permissions {
		ids = append(ids, id)
	}
	return ids
}
