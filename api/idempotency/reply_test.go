package idempotency

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
)

func TestRepliesAreSealedForTheirKey(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdef")
	newTestBox := func(secret []byte, key, name string) *box {
		b, err := newBox(secret, key, name)
		require.NoError(t, err)
		return b
	}
	want := &reply{header: http.Header{"Location": {"/x"}}, body: []byte(`{"stream_key":"shown once"}`)}
	b := newTestBox(secret, "key", "row")
	sealed, err := b.seal(want)
	require.NoError(t, err)
	require.NotContains(t, sealed, "shown once")
	got, err := newTestBox(secret, "key", "row").open(sealed)
	require.NoError(t, err)
	require.Equal(t, want, got)
	second, err := b.seal(want)
	require.NoError(t, err)
	require.NotEqual(t, sealed, second)

	for name, other := range map[string]*box{
		"another key":    newTestBox(secret, "kez", "row"),
		"another secret": newTestBox([]byte("0123456789abcdeg"), "key", "row"),
		"another row":    newTestBox(secret, "key", "rov"),
	} {
		_, err := other.open(sealed)
		require.Error(t, err, name)
	}
	for name, text := range map[string]string{"cut": sealed[:8], "nothing": "", "not base64": "!", "changed": strings.Repeat("A", len(sealed))} {
		_, err := b.open(text)
		require.Error(t, err, name)
	}
}

func TestRecorderHoldsBackWhatCanBeKept(t *testing.T) {
	t.Parallel()
	out := httptest.NewRecorder()
	rec := &recorder{ResponseWriter: out}
	rec.Header().Set("Location", "/x")
	rec.Header().Set("X-Request-Id", "1")
	rec.WriteHeader(http.StatusCreated)
	rec.WriteHeader(http.StatusTeapot)
	_, err := rec.Write([]byte("made"))
	require.NoError(t, err)
	require.Zero(t, out.Body.Len())
	require.Equal(t, &reply{status: 201, header: http.Header{"Location": {"/x"}}, body: []byte("made")}, rec.reply())
	rec.flush()
	require.Equal(t, 201, out.Code)
	require.Equal(t, "made", out.Body.String())

	out = httptest.NewRecorder()
	rec = &recorder{ResponseWriter: out}
	for range 3 {
		_, err := rec.Write(make([]byte, maxReplyBytes/2+1))
		require.NoError(t, err)
	}
	require.True(t, rec.spilled)
	rec.flush()
	require.Equal(t, 3*(maxReplyBytes/2+1), out.Body.Len())

	out = httptest.NewRecorder()
	rec = &recorder{ResponseWriter: out}
	rec.flush()
	require.False(t, out.Flushed)
	require.Equal(t, out, rec.Unwrap())
}

func TestNewStoreRefusesBadSettings(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for want, cfg := range map[string]Config{
		"DB":     {Secret: []byte("12345678"), Logger: log},
		"Logger": {DB: &db.DB{}, Secret: []byte("12345678")},
		"secret": {DB: &db.DB{}, Secret: []byte("1234567"), Logger: log},
	} {
		_, err := NewStore(cfg)
		require.ErrorContains(t, err, want)
	}
}
