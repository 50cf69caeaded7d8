package channel

import "regexp"

// slugForm is what a channel's address may be: 2 to 40 small letters, digits and
// single dashes between them. So it is never the punycode of a look-alike, which
// has two dashes.
var slugForm = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])+$`)

const maxSlug = 40

// isSlug reports whether a channel could have this address.
func isSlug(slug string) bool { return len(slug) <= maxSlug && slugForm.MatchString(slug) }

func checkSlug(slug string) error {
	if !isSlug(slug) || isReserved(slug) {
		return ErrBadSlug
	}
	return nil
}

// isReserved reports whether an address would stand in the way of the server's
// own paths, or pass for the server or those who run it.
func isReserved(slug string) bool {
	switch slug {
	// Paths, now or some day.
	case "account", "accounts", "api", "assets", "auth", "broadcast", "broadcasts", "c", "call", "calls",
		"category", "categories", "channel", "channels", "chat", "dashboard", "debug", "docs", "embed",
		"explore", "favicon", "feed", "files", "follow", "followers", "following", "health", "healthz",
		"hls", "hls-live", "home", "icecast", "images", "img", "index", "ingest", "instance", "invite",
		"library", "like", "listen", "live", "livez", "login", "logout", "manifest", "me", "media", "metrics",
		"new", "null", "oauth", "openapi", "parties", "party", "ping", "play", "playback", "player", "privacy",
		"public", "radio", "readyz", "record", "recording", "recordings", "register", "robots", "rtmp", "rtmps",
		"search", "service-worker", "session", "sessions", "settings", "setup", "share", "signin", "signout",
		"signup", "sitemap", "socket", "static", "status", "stream", "streams", "swarm", "sw", "tag", "tags",
		"terms", "thumb", "thumbs", "token", "tokens", "torrent", "torrents", "undefined", "upload", "uploads",
		"user", "users", "v1", "v2", "vod", "watch", "webhook", "webhooks", "websocket", "well-known", "whep",
		"whip", "ws", "www":
		return true
	// Names of those who run the server.
	case "abuse", "admin", "administrator", "bandstand", "contact", "everyone", "help", "mod", "moderation",
		"moderator", "moderators", "nobody", "official", "operator", "postmaster", "root", "security", "staff",
		"support", "system", "webmaster":
		return true
	}
	return false
}
