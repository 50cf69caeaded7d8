package main

import (
	"fmt"
	"strings"
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
	secret := strings.TrimSpace(cfg.Secret.Reveal())
	if secret == "" {
		if secret, err = keptSecret(cfg.DataDir, "secret"); err != nil {
			return fmt.Errorf("secret: %w", err)
		}
	}
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: []byte(secret)})
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
