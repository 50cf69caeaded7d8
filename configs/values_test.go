package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const plain = "hunter2"
	cfg := Config{Secret: plain, DB: DB{URL: plain}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, cfg)
		fmt.Fprintf(&out, verb, cfg.Secret)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("start", "secret", cfg.Secret, "config", cfg)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("start", "secret", cfg.Secret, "config", cfg)
	require.NoError(t, json.NewEncoder(&out).Encode(cfg))

	require.NotContains(t, out.String(), plain)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", plain))
	require.Contains(t, out.String(), hidden)
	require.Equal(t, plain, cfg.Secret.Reveal())
	require.Empty(t, Secret("").String())
}

func TestSizesAndBitratesReadBackAsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{"512MiB": 512 << 20, "1GiB": 1 << 30, "3KiB": 3072, "7B": 7, "0B": 0} {
		var got Size
		require.NoError(t, got.UnmarshalText([]byte(text)))
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
	for text, want := range map[string]Bitrate{"2800k": 2_800_000, "6M": 6_000_000, "999": 999, "0": 0} {
		var got Bitrate
		require.NoError(t, got.UnmarshalText([]byte(text)))
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
}
