package webhook

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// The example in the documentation of Standard Webhooks' libraries.
func TestSignatureOfTheSpecification(t *testing.T) {
	t.Parallel()
	got, err := signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
		time.Unix(1614265330, 0), `{"test": 2432232314}`)
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", got)
}

func TestBoxOpensForItsWebhookAlone(t *testing.T) {
	t.Parallel()
	b, err := newBoxes([]byte(strings.Repeat("s", 32)), nil)
	require.NoError(t, err)
	id, secret := uuid.Must(uuid.NewV7()), newSecret()
	box := b.seal(id, secret)
	require.NotEqual(t, box, b.seal(id, secret))
	got, err := b.open(id, box)
	require.NoError(t, err)
	require.Equal(t, secret, got)
	for name, text := range map[string]string{
		"empty": "", "no key": "x", "unknown key": "00000000" + box[8:], "cut": box[:20],
		"changed": box[:len(box)-2] + "AA", "not base64": box[:12] + "!",
	} {
		_, err := b.open(id, text)
		require.Error(t, err, name)
	}
	_, err = b.open(uuid.New(), box)
	require.Error(t, err)
	_, err = newBoxes([]byte("short"), nil)
	require.Error(t, err)
}
