package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/api/account"
	"bandstand/api/audience"
	"bandstand/api/auth"
	"bandstand/api/broadcast"
	"bandstand/api/call"
	"bandstand/api/channel"
	"bandstand/api/chat"
	"bandstand/api/idempotency"
	"bandstand/api/image"
	"bandstand/api/instance"
	"bandstand/api/limit"
	"bandstand/api/login"
	"bandstand/api/mail"
	"bandstand/api/moderation"
	"bandstand/api/party"
	"bandstand/api/realtime"
	"bandstand/api/social"
	"bandstand/api/webhook"
	"bandstand/media/access"
	"bandstand/storage/db"
	"bandstand/storage/jobs"
	"bandstand/transcode/still"
)

// apiSide is what a process with the role api has.
type apiSide struct {
	db       *db.DB
	tokens   *auth.Tokens
	identity *auth.Identity
	members  *auth.Channels
	counts   limit.Store
	replies  *idempotency.Store
	reports  *reports
	sockets  *realtime.Node

	instance   *instance.Service
	accounts   *account.Service
	logins     *login.Service
	channels   *channel.Service
	broadcasts *broadcast.Service
	audience   *audience.Service
	social     *social.Service
	moderation *moderation.Service
	chat       *chat.Service
	parties    *party.Service
	calls      *call.Service
	images     *image.Service
	webhooks   *webhook.Service
	pictures   http.Handler // serves what images made
	outbox     *mail.Outbox // nil if this server sends no mail

	workers  [][]jobs.Worker
	periodic [][]*river.PeriodicJob
}

// Bounds of uploaded pictures: what a good camera makes, and what may be in memory of
// them while sizes are made.
const (
	maxImagePixels = 40_000_000
	maxImageMemory = 200 << 20
)

// openAPI makes the services on top of the stores. The order is that in which they
// need each other.
func (a *app) openAPI(ctx context.Context) error {
	if a.stores == nil {
		return nil
	}
	if len(a.secret) < auth.StrongSecretBytes {
		a.log.WarnContext(ctx, "the secret is short: whoever guesses it can be anyone here", "characters", len(a.secret), "better", auth.StrongSecretBytes)
	}
	node, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name of this node: %w", err)
	}
	members, err := auth.CacheChannels(auth.ChannelsConfig{DB: a.stores.db})
	if err != nil {
		return err
	}
	a.api = &apiSide{
		db: a.stores.db, members: members,
		counts:  limit.New(limit.Config{Redis: a.stores.redis, Prefix: a.cfg.Redis.Prefix + ":limit:", Logger: a.log}),
		reports: &reports{node: node},
	}
	for _, open := range []func(context.Context) error{
		a.openInstance, a.openPeople, a.openSockets, a.openAudience, a.openChannels, a.openWebhooks, a.openBroadcasts, a.openImages, a.openTogether,
	} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	return nil
}

// secrets returns the secret of this server, and those before it.
func (a *app) secrets() [][]byte {
	return append([][]byte{a.secret}, a.previousSecrets()...)
}

func (a *app) previousSecrets() [][]byte {
	previous := make([][]byte, len(a.cfg.PreviousSecrets))
	for i, secret := range a.cfg.PreviousSecrets {
		previous[i] = []byte(secret.Reveal())
	}
	return previous
}

func (a *app) openInstance(ctx context.Context) error {
	var err error
	a.api.instance, err = instance.NewService(instance.Config{
		DB: a.api.db,
		Defaults: instance.Settings{
			Name: a.cfg.Instance.Name, Signup: a.cfg.Accounts.Signup, MaxChannels: a.cfg.Accounts.MaxChannels,
		},
		About:          a.about(),
		Sessions:       a.api.reports,
		TrustedProxies: a.cfg.HTTP.TrustedProxies,
		BansRead: func() {
			if a.api.sockets != nil {
				a.api.sockets.RecheckAddresses()
			}
		},
		Logger:     a.log,
		Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	if err := a.api.instance.Refresh(ctx); err != nil {
		return err
	}
	a.serving = append(a.serving, a.api.instance.Run)
	a.api.workers = append(a.api.workers, a.api.instance.Workers())
	a.api.periodic = append(a.api.periodic, instance.Periodic())
	return nil
}

// about tells clients what this server can do.
func (a *app) about() instance.About {
	about := instance.About{
		Version: buildVersion(), URL: a.cfg.PublicURL,
		Features: instance.FeaturesView{
			LowLatency: a.cfg.HLS.LowLatency, Transcode: a.cfg.Transcode.Enabled,
			Mail: a.cfg.Mail.Transport != "off", Webhooks: true, Images: true,
		},
		Limits: instance.LimitsView{
			PageItems: 100, TitleLength: 100, DescriptionLength: 5000,
			Tags: 10, TagLength: 30, Links: 10, StreamKeys: 50, WebhooksPerChannel: 10,
			ImageBytes: image.MaxBytes, ImagePixels: maxImagePixels,
			MaxBitrate: int(a.cfg.Ingest.MaxBitrate),
		},
	}
	for protocol, listen := range map[string]string{"rtmp": a.cfg.RTMP.Listen, "rtmps": a.cfg.RTMPS.Listen} {
		if way, ok := a.ingestAt(protocol, listen); ok {
			about.Ingest = append(about.Ingest, way)
		}
	}
	for _, r := range a.cfg.Transcode.Rungs {
		about.Ladder = append(about.Ladder, instance.RungView{Name: r.Name, Height: r.Height, Bitrate: int(r.Bitrate), MaxFPS: r.MaxFPS})
	}
	return about
}

// openPeople makes what knows people: tokens, logins, accounts and their mails.
func (a *app) openPeople(context.Context) error {
	side := a.api
	var err error
	if side.tokens, err = auth.NewTokens(auth.TokensConfig{
		Secret: a.secret, Previous: a.previousSecrets(), TTL: a.cfg.Auth.AccessTTL,
	}); err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	if side.identity, err = auth.NewIdentity(auth.IdentityConfig{Tokens: side.tokens, DB: side.db, Logger: a.log, Registerer: a.metrics}); err != nil {
		return err
	}
	a.serving = append(a.serving, side.identity.Run)
	if side.replies, err = idempotency.NewStore(idempotency.Config{DB: side.db, Secret: a.secret, Logger: a.log}); err != nil {
		return err
	}
	passwords, err := auth.NewPasswords(runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	side.logins, err = login.NewService(login.Config{
		DB: side.db, Passwords: passwords, Tokens: side.tokens,
		RefreshTTL: a.cfg.Auth.RefreshTTL, ConfirmedOnly: a.cfg.Accounts.ConfirmEmail && a.cfg.Mail.Transport != "off",
		Secure: strings.HasPrefix(a.cfg.PublicURL, "https:"),
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	outbox, err := a.openMail(side.instance.Name)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	side.outbox = outbox
	cfg := account.Config{DB: side.db, Passwords: passwords, Policy: side.instance, Logger: a.log}
	if outbox != nil {
		cfg.Mail = outbox
	}
	if side.accounts, err = account.NewService(cfg); err != nil {
		return err
	}
	purger, err := account.NewPurger(account.PurgerConfig{DB: side.db, Logger: a.log})
	if err != nil {
		return err
	}
	side.workers = append(side.workers, side.logins.Workers(), side.replies.Workers(), []jobs.Worker{jobs.Work(purger)})
	side.periodic = append(side.periodic, side.logins.Periodic(), idempotency.Periodic(),
		[]*river.PeriodicJob{jobs.Every(time.Hour, account.Purge{})})
	return nil
}

// openAudience makes what counts viewers.
func (a *app) openAudience(context.Context) error {
	cfg := audience.Config{Tokens: a.viewers, Peers: a.api.sockets, Logger: a.log, Registerer: a.metrics}
	if a.onAir != nil {
		cfg.Sources = []audience.Source{a.onAir.hls}
	}
	var err error
	if a.api.audience, err = audience.NewService(cfg); err != nil {
		return err
	}
	a.serving = append(a.serving, a.api.audience.Run)
	return nil
}

func (a *app) openChannels(context.Context) error {
	playback, err := a.playback()
	if err != nil {
		return err
	}
	cfg := channel.Config{
		DB: a.api.db, Rules: a.api.instance,
		Playback: playback, SignedPath: access.Path, PlaybackTTL: a.cfg.Auth.PlaybackTTL,
		Rests: limit.NewRests(a.api.counts), Abuse: a.api.instance,
		Events: a.api.sockets, PublicURL: a.publicURL, Node: a.api.reports.node,
		Audience: a.api.audience.Count, Seen: a.api.audience.Report,
		Joined: a.api.audience.Joined, Left: a.api.audience.Left,
		Began:   func(string) { a.api.broadcasts.Began() },
		EndHere: func(session string) bool { return a.sessions != nil && a.sessions.End(session) },
		Logger:  a.log, Registerer: a.metrics,
	}
	if a.onAir != nil {
		cfg.Live = a.onAir
	}
	if a.api.channels, err = channel.NewService(cfg); err != nil {
		return err
	}
	a.api.reports.channels = a.api.channels
	a.serving = append(a.serving, a.api.channels.Run, a.api.channels.RunEvents)
	return nil
}

// playback signs and checks the addresses of private channels.
func (a *app) playback() (*auth.Playback, error) {
	return auth.NewPlayback(auth.PlaybackConfig{Secret: a.secret, Previous: a.previousSecrets()})
}

func (a *app) openWebhooks(context.Context) error {
	var err error
	a.api.webhooks, err = webhook.NewService(webhook.Config{
		DB: a.api.db, Jobs: &a.stores.queue, Secret: a.secret, Previous: a.previousSecrets(),
		AllowNetworks: a.cfg.Webhooks.AllowNetworks, Version: buildVersion(),
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.api.workers = append(a.api.workers, a.api.webhooks.Workers())
	a.api.periodic = append(a.api.periodic, webhook.Periodic())
	return nil
}

func (a *app) openBroadcasts(context.Context) error {
	cfg := broadcast.Config{
		DB: a.api.db, BaseURL: a.publicURL(), Live: a.api.reports, Audience: a.api.audience, Hooks: a.api.webhooks,
		Resume: a.cfg.Broadcasts.Resume,
		Begins: func(ctx context.Context, tx *db.Tx, channel, broadcast uuid.UUID) error {
			return a.api.social.Begins(ctx, tx, channel, broadcast)
		},
		Secret: a.secret, Previous: a.previousSecrets(),
		Logger: a.log, Registerer: a.metrics,
	}
	if a.api.outbox != nil {
		cfg.Jobs, cfg.Mailer = &a.stores.queue, a.api.outbox
	}
	var err error
	if a.api.broadcasts, err = broadcast.NewService(cfg); err != nil {
		return err
	}
	a.serving = append(a.serving, a.api.broadcasts.Run)
	a.api.workers = append(a.api.workers, []jobs.Worker{jobs.Work(a.api.broadcasts.Reminders())})
	return nil
}

func (a *app) openImages(context.Context) error {
	var err error
	a.api.images, err = image.NewService(image.Config{
		DB: a.api.db, Blobs: a.stores.files, Pictures: still.NewMaker(still.Limits{Bytes: image.MaxBytes, Pixels: maxImagePixels, Memory: maxImageMemory}),
		Jobs: &a.stores.queue, Queue: pictureQueue,
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.api.pictures, err = image.NewFiles(image.FilesConfig{Blobs: a.stores.files, DB: a.api.db, Logger: a.log})
	a.api.workers = append(a.api.workers, a.api.images.Workers())
	a.api.periodic = append(a.api.periodic, a.api.images.Periodic())
	return err
}
