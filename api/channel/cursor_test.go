package channel

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestCursorLeadsBackToItsChannel(t *testing.T) {
	t.Parallel()
	id := uuid.Must(uuid.NewV7())
	got, err := decodeCursor(encodeCursor(id))
	require.NoError(t, err)
	require.Equal(t, id, got)
	got, err = decodeCursor("")
	require.NoError(t, err)
	require.Equal(t, uuid.Max, got)
}

// FuzzCursor feeds texts of strangers: each is refused, or is the one cursor of an id.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(encodeCursor(uuid.Max))
	f.Add(encodeCursor(uuid.Nil)[:22] + "=")
	f.Add("AgAAAAAAAAAAAAAAAAAAAAA")
	f.Add("\x00!../%2e")
	f.Fuzz(func(t *testing.T, cursor string) {
		id, err := decodeCursor(cursor)
		if err != nil {
			require.ErrorIs(t, err, ErrBadCursor)
			return
		}
		if cursor != "" {
			require.Equal(t, cursor, encodeCursor(id))
		}
	})
}
