package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keptSecret returns the secret kept in file below dir, and makes it at the first
// call. Only the owner may read it.
func keptSecret(dir, file string) (string, error) {
	path := filepath.Join(dir, file)
	kept, err := os.ReadFile(path) //nolint:gosec // the operator's own data folder
	if err == nil {
		if s := strings.TrimSpace(string(kept)); s != "" {
			return s, nil
		}
		return "", fmt.Errorf("%s is empty: delete it to have a new secret made", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := rand.Text() + rand.Text()
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", err
	}
	return secret, nil
}
