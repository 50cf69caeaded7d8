package account

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxEmail = 254 // bytes; RFC 5321 4.5.3.1.3, less the brackets

// usernameForm is what a person may be called: also fit for a path.
var usernameForm = regexp.MustCompile(`^[A-Za-z0-9](?:[_-]?[A-Za-z0-9]){1,31}$`)

// looks takes apart what a hurried reader does not. The migration that brought
// users.username_skeleton does the same, in this order.
var looks = []struct{ from, to string }{
	{"-", ""}, {"_", ""}, {"0", "o"}, {"1", "l"}, {"i", "l"}, {"rn", "m"}, {"vv", "w"},
}

// skeleton returns what a username looks like: names with the same one would pass
// for each other.
func skeleton(username string) string {
	s := strings.ToLower(username)
	for _, l := range looks {
		s = strings.ReplaceAll(s, l.from, l.to)
	}
	return s
}

// reserved are the looks of names that would pass for the server itself, or stand in
// the way of its addresses.
var reserved = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range []string{
		adminName, "administrator", "root", "system", "sysop", "bandstand", "moderator", "mod", "staff", "team", "owner",
		"support", "help", "security", "abuse", "postmaster", "webmaster", "hostmaster", "noreply", "info", "official",
		"me", "api", "service", "anonymous", "nobody", "everyone", "deleted", "null", "undefined",
	} {
		names[skeleton(name)] = true
	}
	return names
}()

// isReserved reports whether a name would pass for the server itself.
func isReserved(username string) bool { return reserved[skeleton(username)] }

// isEmail reports whether s is one bare address, all of which can be seen. Whether it
// receives mail only mail can tell.
func isEmail(s string) bool {
	if len(s) > maxEmail {
		return false
	}
	a, err := mail.ParseAddress(s)
	unseen := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsFunc(s, unseen)
}

// isText reports whether the database can be asked for s: Postgres would not even
// take a text with a zero byte.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
