package account

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a password, in characters. A long one costs no more to hash.
const (
	minPassword = 8
	maxPassword = 256
)

// commonPasswords are those that are tried first, in lower case, one a line.
//
//go:embed common_passwords.txt
var commonPasswords string

// common is commonPasswords, to look up.
var common = func() map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(commonPasswords) {
		all[word] = true
	}
	return all
}()

// checkPassword reports whether password may guard an account. Characters are
// counted as they are hashed, in NFC; see auth.Passwords.
func checkPassword(password, username, email string) error {
	if !utf8.ValidString(password) || len(password) > 8*maxPassword {
		return ErrBadPassword
	}
	lower := strings.ToLower(norm.NFC.String(password))
	n := utf8.RuneCountInString(lower)
	local, _, _ := strings.Cut(email, "@")
	if n < minPassword || n > maxPassword ||
		strings.EqualFold(lower, username) || strings.EqualFold(lower, email) || strings.EqualFold(lower, local) {
		return ErrBadPassword
	}
	if common[lower] || isMonotonous(lower) {
		return ErrCommonPassword
	}
	return nil
}

// isMonotonous reports whether s repeats two characters at most, or counts up or
// down all the way: aaaaaaaa, 12121212, abcdefgh, 87654321.
func isMonotonous(s string) bool {
	seen := map[rune]bool{}
	up, down := true, true
	previous := rune(-1)
	for _, r := range s {
		seen[r] = true
		if previous >= 0 {
			up = up && r == previous+1
			down = down && r == previous-1
		}
		previous = r
	}
	return len(seen) <= 2 || up || down
}
