package auth

import "strings"

// ChannelRole is a set of what a person can be on a channel.
type ChannelRole uint8

// What a person can be on a channel: its owner, or a member that the owner named.
const (
	Owner         ChannelRole = 1 << iota
	Broadcaster               // goes on air, edits broadcasts
	ChanModerator             // keeps order among viewers
	ChanViewer                // may watch though the channel is private
)

// ChannelRoleOf returns the role with a name from the database; 0 for none.
func ChannelRoleOf(name string) ChannelRole {
	switch name {
	case "owner":
		return Owner
	case "broadcaster":
		return Broadcaster
	case "moderator":
		return ChanModerator
	case "viewer":
		return ChanViewer
	}
	return 0
}

// Scopes of personal access tokens.
const (
	ScopeRead       = "read"       // whatever its owner can see, but secrets
	ScopeChannels   = "channels"   // channels, stream keys, members, webhooks
	ScopeBroadcasts = "broadcasts" // broadcasts, their pictures and sessions
	ScopeSocial     = "social"     // profile, follows, likes, reminders, friends, parties, calls
	ScopeChat       = "chat"       // writing in chats, and keeping order there
	ScopeAdmin      = "admin"      // what the role allows beyond one's own things
)

// TokenScopes are the scopes that a personal access token can have.
var TokenScopes = []string{ScopeRead, ScopeChannels, ScopeBroadcasts, ScopeSocial, ScopeChat, ScopeAdmin}

// Rule says who may call an operation.
type Rule struct {
	Everyone bool        // also who is not signed in
	Users    bool        // whoever is signed in
	Members  ChannelRole // of the channel that the path names
	Staff    Role        // this role on the instance, or one above it
	Service  string      // services with this scope
	Viewers  bool        // together with Everyone or Users: only who may see the channel that the path names
	Scope    string      // of a personal access token; without one no such token will do
}

// everyone may call it, signed in or not.
func everyone() Rule { return Rule{Everyone: true, Scope: ScopeRead} }

// viewers may call it: everyone who may see the channel.
func viewers(scope string) Rule { return Rule{Everyone: true, Viewers: true, Scope: scope} }

// users may call it, with a token if that has scope.
func users(scope string) Rule { return Rule{Users: true, Scope: scope} }

// userViewers may call it: those signed in who may see the channel.
func userViewers(scope string) Rule { return Rule{Users: true, Viewers: true, Scope: scope} }

// members of the channel with one of roles may call it, and staff.
func members(roles ChannelRole, staff Role, scope string) Rule {
	return Rule{Members: roles, Staff: staff, Scope: scope}
}

// staff with the role or one above it may call it.
func staff(role Role) Rule { return Rule{Staff: role, Scope: ScopeAdmin} }

// services with scope may call it, and nobody else.
func services(scope string) Rule { return Rule{Service: scope} }

// NeedsChannel reports whether the rule asks what the caller is on a channel.
func (r Rule) NeedsChannel() bool { return r.Viewers || r.Members != 0 }

// Admits reports whether p, who is role on the channel in question, may call the
// operation. Whether p may see the channel is another matter, see Viewers.
func (r Rule) Admits(p Principal, role ChannelRole) bool {
	if p.Service {
		return r.Service != "" && p.HasScope(r.Service)
	}
	if r.Everyone {
		return true
	}
	if !p.IsUser() {
		return false
	}
	return r.Users || r.Members&role != 0 || r.admitsStaff(p.Role)
}

func (r Rule) admitsStaff(role Role) bool {
	switch r.Staff {
	case RoleModerator:
		return role == RoleModerator || role == RoleAdmin
	case RoleAdmin:
		return role == RoleAdmin
	}
	return false
}

// String says in words who may call the operation, for its documentation.
func (r Rule) String() string {
	var who []string
	switch {
	case r.Service != "":
		return "services with the scope " + r.Service
	case r.Everyone && r.Viewers:
		return "everyone who may see the channel"
	case r.Everyone:
		return "everyone"
	case r.Users && r.Viewers:
		return "people who are signed in and may see the channel"
	case r.Users:
		who = append(who, "people who are signed in")
	}
	for _, m := range []struct {
		role ChannelRole
		name string
	}{{Owner, "the owner"}, {Broadcaster, "broadcasters"}, {ChanModerator, "moderators of the channel"}, {ChanViewer, "invited viewers"}} {
		if r.Members&m.role != 0 {
			who = append(who, m.name)
		}
	}
	switch r.Staff {
	case RoleModerator:
		who = append(who, "moderators and admins of the instance")
	case RoleAdmin:
		who = append(who, "admins")
	}
	return strings.Join(who, ", ")
}
