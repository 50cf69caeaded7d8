package blob

import (
	"errors"
	"regexp"
	"strings"
)

const maxKeyLength = 512

// ErrBadKey is the error of a key that no store takes.
var ErrBadKey = errors.New("blob: not a key")

var (
	// Small letters alone: there are file systems that do not tell them from capitals.
	keyForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,127}(?:/[a-z0-9][a-z0-9._-]{0,127})*$`)
	prefixForm = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9._-]{0,127}/)*(?:[a-z0-9][a-z0-9._-]{0,127})?$`)
)

// CheckKey reports whether key can be one: names parted by single slashes, each of up
// to 128 small letters, digits, dots, dashes and underscores and beginning with a
// letter or digit; 512 characters in all. Two dots in a row and the endings .tmp and
// .attrs are not for keys. The failure is ErrBadKey.
//
// Where there is something under a/b there must be nothing under a: in a directory
// that is a folder.
func CheckKey(key string) error {
	if len(key) > maxKeyLength || !keyForm.MatchString(key) || strings.Contains(key, "..") ||
		strings.HasSuffix(key, temporary) || strings.HasSuffix(key, ".attrs") {
		return ErrBadKey
	}
	return nil
}

// checkPrefix is CheckKey for the beginning of a key; none is the beginning of all.
func checkPrefix(prefix string) error {
	if len(prefix) > maxKeyLength || !prefixForm.MatchString(prefix) || strings.Contains(prefix, "..") {
		return ErrBadKey
	}
	return nil
}
