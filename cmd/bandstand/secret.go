package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bandstand/configs"
)

// secretFile is where the secret is kept, below the data folder.
const secretFile = "secret"

// secretOf returns the secret that signs tokens: the one that is configured, or else
// the one that is kept. Without either it is an error that is fs.ErrNotExist.
func secretOf(cfg configs.Config) ([]byte, error) {
	if secret := cfg.Secret.Reveal(); secret != "" {
		return []byte(secret), nil
	}
	path := dataFile(cfg, secretFile)
	kept, err := os.ReadFile(path) //nolint:gosec // the operator's own data folder
	if err != nil {
		return nil, err
	}
	secret := strings.TrimSpace(string(kept))
	if secret == "" {
		return nil, fmt.Errorf("%s is empty: delete it to have a new secret made", path)
	}
	return []byte(secret), nil
}

// makeSecret is secretOf, and makes a secret if there is none. Only the owner of the
// file may read it.
func makeSecret(cfg configs.Config) ([]byte, error) {
	secret, err := secretOf(cfg)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	f, err := os.OpenFile(filepath.Join(cfg.DataDir, secretFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	made := rand.Text() + rand.Text()
	_, err = f.WriteString(made + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return []byte(made), nil
}
