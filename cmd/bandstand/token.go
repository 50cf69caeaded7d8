package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"bandstand/api/auth"
	"bandstand/configs"
)

type tokenCmd struct {
	Name string        `arg:"" help:"Name of the node, for the logs."`
	TTL  time.Duration `default:"8760h" help:"How long the token is good."`
}

// Run prints a token with which an ingest node speaks to the API of this secret.
func (t *tokenCmd) Run(c *cli, con *console) error {
	cfg, err := configs.Load(c.Config, con.environ, c.Set)
	if err != nil {
		return err
	}
	secret, err := secretOf(cfg)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("secret: %w: start the server first, and use its settings here (data_dir or secret)", err)
	}
	if err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: secret})
	if err != nil {
		return err
	}
	token, err := tokens.Service(t.Name, []string{auth.ScopeIngest}, t.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(con.out, token)
	return err
}
