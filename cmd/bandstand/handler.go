package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api"
	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/broadcast"
	"bandstand/api/call"
	"bandstand/api/channel"
	"bandstand/api/chat"
	"bandstand/api/image"
	"bandstand/api/instance"
	"bandstand/api/login"
	"bandstand/api/moderation"
	"bandstand/api/party"
	"bandstand/api/social"
	"bandstand/api/webhook"
	"bandstand/configs"
	"bandstand/media/access"
	"bandstand/web"
)

// handler returns what is served on the public listener.
func (a *app) handler() (http.Handler, error) {
	media, err := a.media()
	if err != nil {
		return nil, err
	}
	if a.api == nil {
		return api.TrustProxies(mediaOnly(media), a.cfg.HTTP.TrustedProxies), nil
	}
	side := a.api
	sockets, err := side.sockets.Handler()
	if err != nil {
		return nil, err
	}
	return api.New(api.Config{
		Sockets:  sockets,
		Features: side.features(),
		Tokens:   side.identity,
		Channels: side.members,
		Files:    map[string]http.Handler{image.FilesPath: side.pictures},
		Media:    media,
		Web:      web.Handler(web.Config{MediaOrigins: a.cfg.HTTP.MediaOrigins}),
		Ready:    map[string]func(context.Context) error{"database": side.db.Ping},

		MediaOrigins:   a.cfg.HTTP.MediaOrigins,
		TrustedProxies: a.cfg.HTTP.TrustedProxies,
		PublicURL:      a.cfg.PublicURL,
		Limits:         limitsOf(a.cfg.Limits),
		Counts:         side.counts,
		Bans:           side.instance,
		BanMedia:       true,
		Abuse:          side.instance,
		Idempotency:    side.replies,
		Version:        buildVersion(),
		Logger:         a.log,
		Registerer:     a.metrics,
	})
}

func limitsOf(l configs.Limits) api.Limits {
	return api.Limits{Auth: l.Auth, Writes: l.Writes, Searches: l.Searches, Users: l.Users}
}

// features is what makes up the API.
func (side *apiSide) features() []api.Feature {
	return []api.Feature{
		func(to huma.API) { instance.Register(to, side.instance) },
		func(to huma.API) { login.Register(to, side.logins) },
		func(to huma.API) { account.Register(to, side.accounts) },
		func(to huma.API) { channel.Register(to, side.channels) },
		func(to huma.API) { broadcast.Register(to, side.broadcasts) },
		func(to huma.API) { image.Register(to, side.images) },
		func(to huma.API) { webhook.Register(to, side.webhooks) },
		func(to huma.API) { social.Register(to, side.social) },
		func(to huma.API) { chat.Register(to, side.chat) },
		func(to huma.API) { moderation.Register(to, side.moderation) },
		func(to huma.API) { party.Register(to, side.parties) },
		func(to huma.API) { call.Register(to, side.calls) },
	}
}

// media returns what serves playlists and media, to those who may watch; nil on a node
// that has none.
func (a *app) media() (http.Handler, error) {
	if a.onAir == nil {
		return nil, nil
	}
	verify := func(string, string) error { return auth.ErrBadToken }
	if len(a.secret) > 0 {
		playback, err := a.playback()
		if err != nil {
			return nil, err
		}
		verify = func(channel, token string) error {
			err := playback.Verify(channel, token)
			if errors.Is(err, auth.ErrPassExpired) {
				return access.ErrExpired
			}
			return err
		}
	}
	return access.New(access.Config{
		Private: a.onAir.isPrivate, Verify: verify, Next: a.onAir.hls,
		Logger: a.log, Registerer: a.metrics,
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
