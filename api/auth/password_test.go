package auth_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	passwords, err := auth.NewPasswords(2)
	require.NoError(t, err)
	hash, err := passwords.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.Contains(t, hash, "$argon2id$v=19$m=19456,t=2,p=1$")
	again, err := passwords.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.NotEqual(t, hash, again, "salted")

	for name, test := range map[string]struct {
		password, hash string
		want           bool
	}{
		"right":                 {"correct horse", hash, true},
		"wrong":                 {"Correct horse", hash, false},
		"no account":            {"correct horse", "", false},
		"no account, the dummy": {"", "", false},
	} {
		ok, err := passwords.Check(t.Context(), test.password, test.hash)
		require.NoError(t, err, name)
		require.Equal(t, test.want, ok, name)
	}
	hash, err = passwords.Hash(t.Context(), "café au lait")
	require.NoError(t, err)
	ok, err := passwords.Check(t.Context(), "cafe\u0301 au lait", hash)
	require.NoError(t, err)
	require.True(t, ok, "the same letters, made of other characters")
	_, err = passwords.Check(t.Context(), "x", "$2y$10$bcrypt")
	require.Error(t, err)
	_, err = auth.NewPasswords(0)
	require.Error(t, err)
}

func TestPasswordsWaitNoLongerThanTheRequest(t *testing.T) {
	t.Parallel()
	passwords, err := auth.NewPasswords(1)
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	// Whatever turn they get, requests that have ended do not hold the others up.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := passwords.Hash(ended, "x"); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want no error or that the request has ended", err)
			}
		})
	}
	wg.Wait()
	_, err = passwords.Hash(t.Context(), "x")
	require.NoError(t, err)
}
