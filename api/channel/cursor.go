package channel

import (
	"encoding/base64"

	"github.com/google/uuid"
)

// A cursor is the id of the last channel on a page. It is opaque to clients, so
// that lists may come in another order one day: hence the first byte.
const (
	cursorNewestFirst = 1
	cursorLength      = 1 + len(uuid.UUID{})
)

func encodeCursor(last uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorNewestFirst}, last[:]...))
}

// decodeCursor returns the id before which a page begins. No cursor begins with
// the newest channel; any text that is not a cursor is ErrBadCursor.
func decodeCursor(cursor string) (uuid.UUID, error) {
	if cursor == "" {
		return uuid.Max, nil
	}
	if len(cursor) != base64.RawURLEncoding.EncodedLen(cursorLength) {
		return uuid.Nil, ErrBadCursor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || raw[0] != cursorNewestFirst {
		return uuid.Nil, ErrBadCursor
	}
	return uuid.UUID(raw[1:]), nil
}
