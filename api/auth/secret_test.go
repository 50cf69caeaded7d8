package auth_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	a, b := auth.NewSecret("bst_"), auth.NewSecret("bst_")
	require.NotEqual(t, a, b)
	require.Regexp(t, `^bst_[a-z2-7]{32}$`, a, "160 bits, five in a letter")
	require.True(t, auth.IsSecret("bst_", a))
	for _, text := range []string{"", "bst_", a[1:], a + "a", a[:len(a)-1], a[:len(a)-1] + "1", strings.ToUpper(a), a[:len(a)-2] + "é"} {
		require.False(t, auth.IsSecret("bst_", text), text)
	}
	require.False(t, auth.IsSecret("bsr_", a))
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", auth.HashSecret("abc"))
	require.NotEqual(t, auth.HashSecret(a), auth.HashSecret(b))
	require.Equal(t, a[len(a)-4:], auth.HintOf(a))
	require.Equal(t, "ab", auth.HintOf("ab"))
}
