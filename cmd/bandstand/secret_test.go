package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/configs"
)

func TestSecretIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	cfg := configs.Default()
	cfg.DataDir = t.TempDir()
	made, err := makeSecret(cfg)
	require.NoError(t, err)
	require.Greater(t, len(made), 32)
	again, err := makeSecret(cfg)
	require.NoError(t, err)
	require.Equal(t, made, again)

	file := filepath.Join(cfg.DataDir, secretFile)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(file, []byte(" \n"), 0o600))
	_, err = makeSecret(cfg)
	require.ErrorContains(t, err, "delete it")

	cfg.Secret = configs.Secret(strings.Repeat(" x", 20))
	configured, err := makeSecret(cfg)
	require.NoError(t, err)
	require.Equal(t, cfg.Secret.Reveal(), string(configured), "as it is, spaces and all")
}

// A token of a secret that no server has would be good for nothing.
func TestTokenNeedsTheSecretOfTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out strings.Builder
	err := run(t.Context(), []string{"token", "ingest-1"}, []string{"BANDSTAND_DATA_DIR=" + dir}, nil, &out, io.Discard)
	require.ErrorContains(t, err, "start the server")
	require.Empty(t, out.String())
	require.NoFileExists(t, filepath.Join(dir, secretFile))

	secret := strings.Repeat(" 0123456789", 4)
	require.NoError(t, run(t.Context(), []string{"token", "ingest-1"}, []string{"BANDSTAND_SECRET=" + secret}, nil, &out, io.Discard))
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: []byte(secret)})
	require.NoError(t, err)
	p, err := tokens.Verify(t.Context(), strings.TrimSpace(out.String()))
	require.NoError(t, err)
	require.True(t, p.HasScope(auth.ScopeIngest))
}
