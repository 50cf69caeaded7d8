package rest

import (
	"strconv"
	"strings"
)

// ErrChanged is the outcome of an edit whose If-Match names another version.
var ErrChanged = Precondition("changed", "this has been changed in the meantime: read it again")

// IfMatch is the part of an input that edits. Embed it.
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"200" doc:"ETag of the version that is to be edited; 412 if there is a newer one."`
}

// ETag names a version of a thing. RFC 9110 8.8.3.
func ETag(version int64) string { return `"v` + strconv.FormatInt(version, 10) + `"` }

// Check reports whether the version at hand may be edited: always without If-Match.
// The failure is ErrChanged. RFC 9110 13.1.1; a weak tag never matches.
func (m IfMatch) Check(version int64) error {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return nil
	}
	want := ETag(version)
	for tag := range strings.SplitSeq(m.IfMatch, ",") {
		if strings.TrimSpace(tag) == want {
			return nil
		}
	}
	return ErrChanged
}

// Given reports whether the request insists on a version.
func (m IfMatch) Given() bool { return m.IfMatch != "" && m.IfMatch != "*" }
