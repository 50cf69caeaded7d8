package image

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestUploads(t *testing.T) {
	t.Parallel()
	ada, eve, bob := uuid.New(), uuid.New(), uuid.New()
	u := newUploads(3, 2)
	require.Nil(t, u.begin(ada))
	require.Nil(t, u.begin(ada))
	require.Equal(t, ErrTooMany, u.begin(ada))
	require.Nil(t, u.begin(eve))
	require.Equal(t, ErrBusy, u.begin(bob))
	u.end(ada)
	require.Nil(t, u.begin(bob))
	u.end(ada)
	u.end(bob)
	u.end(eve)
	require.Empty(t, u.of)
	require.Zero(t, u.all)
}

func TestIDsFollowEachOther(t *testing.T) {
	t.Parallel()
	earlier, later := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	require.Equal(t, later, after(later, earlier))
	for range 3 {
		moved := after(earlier, later)
		require.Positive(t, bytes.Compare(moved[:], later[:]))
		require.Equal(t, uuid.Version(7), moved.Version())
		require.Equal(t, uuid.RFC4122, moved.Variant())
		later = moved
	}
}
