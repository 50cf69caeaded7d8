package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api"
	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/configs"
	"bandstand/storage/db"
	"bandstand/web"
)

// apiSide is what a process with the role api has.
type apiSide struct {
	db       *db.DB
	tokens   *auth.Tokens
	accounts *account.Service
	channels *channel.Service
}

// openAPI opens the database and the services on it. The first start makes an admin.
func (a *app) openAPI(ctx context.Context) error {
	if !a.cfg.Has(configs.RoleAPI) {
		return nil
	}
	url := a.cfg.DB.URL.Reveal()
	if url == "" {
		url = "sqlite:" + a.dataFile("bandstand.db")
	}
	database, err := db.Open(ctx, db.Config{URL: url, MaxConns: a.cfg.DB.MaxConnections, Logger: a.log})
	if err != nil {
		return fmt.Errorf("db.url: %w", err)
	}
	a.closers = append(a.closers, database.Close)

	if len(a.secret) < auth.StrongSecretBytes {
		a.log.WarnContext(ctx, "the secret is short: whoever guesses it can be anyone here", "characters", len(a.secret), "better", auth.StrongSecretBytes)
	}
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: a.secret, TTL: a.cfg.Auth.AccessTTL})
	if err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	passwords, err := auth.NewPasswords(runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	accounts, err := account.NewService(account.Config{
		DB: database, Passwords: passwords, Tokens: tokens, OpenSignup: a.cfg.Accounts.Signup == "open",
	})
	if err != nil {
		return err
	}
	cfg := channel.Config{DB: database, MaxPerOwner: a.cfg.Accounts.MaxChannels, Logger: a.log}
	if a.onAir != nil {
		cfg.Live = a.onAir
	}
	channels, err := channel.NewService(cfg)
	if err != nil {
		return err
	}
	a.api = &apiSide{db: database, tokens: tokens, accounts: accounts, channels: channels}
	return nil
}

// handler returns what is served on the public listener.
func (a *app) handler() (http.Handler, error) {
	var media http.Handler
	if a.onAir != nil {
		media = a.onAir.hls
	}
	if a.api == nil {
		return api.TrustProxies(mediaOnly(media), a.cfg.HTTP.TrustedProxies), nil
	}
	return api.New(api.Config{
		Features: []api.Feature{
			func(to huma.API) { account.Register(to, a.api.accounts) },
			func(to huma.API) { channel.Register(to, a.api.channels) },
		},
		Tokens:   a.api.tokens,
		Channels: auth.NewChannels(a.api.db),
		Media:    media,
		Web:      web.Handler(web.Config{MediaOrigins: a.cfg.HTTP.MediaOrigins}),
		Ready:    map[string]func(context.Context) error{"database": a.api.db.Ping},

		MediaOrigins:   a.cfg.HTTP.MediaOrigins,
		TrustedProxies: a.cfg.HTTP.TrustedProxies,
		Limits:         api.Limits{Auth: a.cfg.Limits.Auth, Writes: a.cfg.Limits.Writes},
		Version:        buildVersion(),
		Logger:         a.log,
		Registerer:     a.metrics,
	})
}

// mediaOnly serves a node without the role api: media and health.
func mediaOnly(media http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/live/", media)
	mux.Handle("/hls-live/", media)
	healthy := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	}
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /readyz", healthy)
	return mux
}
