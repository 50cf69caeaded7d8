package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/api/instance"
)

// The channels of a demonstration: one has the test picture, one is free for OBS.
const (
	demoChannel  = "demo"
	stageChannel = "stage"
)

// openDemo makes the channels of a demonstration, prints how to watch and how to go
// on air, and has a test picture published as soon as the server runs.
func (a *app) openDemo(con *console) error {
	rtmp := a.local("rtmp")
	if a.api == nil || rtmp == "" {
		return errors.New("needs the roles api and ingest, and rtmp.listen")
	}
	me, err := a.admin(con.ctx)
	if err != nil {
		return err
	}
	demoKey, err := a.keptKey(con.ctx, me, demoChannel, "Test picture")
	if err != nil {
		return err
	}
	stageKey, err := a.keptKey(con.ctx, me, stageChannel, "My stage")
	if err != nil {
		return err
	}
	picture := &testPicture{
		ffmpeg: a.cfg.Transcode.FFmpeg,
		url:    "rtmp://" + rtmp + "/live/" + demoKey,
		width:  1280, height: 720,
		font: anyFont(),
		log:  a.log,
	}
	a.live = append(a.live, picture.run)
	return a.printDemo(con, stageKey)
}

// admin returns who the program is where it acts for itself.
func (a *app) admin(ctx context.Context) (auth.Principal, error) {
	u, err := a.api.accounts.Admin(ctx)
	return auth.Principal{UserID: u.ID, Name: u.Username, Role: u.Role}, err
}

// keptKey returns a stream key of one of our channels, which is made if need be. Only
// a demonstration keeps keys: whoever repeats it finds OBS still set up.
func (a *app) keptKey(ctx context.Context, me auth.Principal, slug, title string) (string, error) {
	file := a.dataFile(slug + ".key")
	kept, err := os.ReadFile(file) //nolint:gosec // the operator's own data folder
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	key := strings.TrimSpace(string(kept))
	grant, err := a.api.channels.Authorize(ctx, key)
	if err == nil && grant.Slug == slug {
		return key, nil
	}
	if err != nil && !errors.Is(err, channel.ErrUnknownKey) {
		return "", err
	}
	_, key, err = a.api.channels.Create(ctx, me, slug, channel.Change{Title: &title})
	if errors.Is(err, channel.ErrSlugTaken) {
		var at auth.Access
		if at, err = auth.NewChannels(a.api.db).BySlug(ctx, me, slug); err == nil {
			_, key, err = a.api.channels.CreateKey(ctx, at, "demo")
		}
	}
	if err != nil {
		return "", fmt.Errorf("channel %s: %w", slug, err)
	}
	return key, os.WriteFile(file, []byte(key+"\n"), 0o600)
}

func (a *app) printDemo(con *console, stageKey string) error {
	web := a.publicURL()
	rtmp := "rtmp://" + a.local("rtmp") + "/live"
	_, err := fmt.Fprintf(con.out, `
  Watch the test picture
    page      %[1]s/c/%[2]s
    playlist  %[1]s/live/%[2]s/index.m3u8

  Go on air yourself: OBS > Settings > Stream > Custom
    server      %[3]s
    stream key  %[4]s
    then watch  %[1]s/c/%[5]s

  API
    docs      %[1]s/api/docs

`, web, demoChannel, rtmp, stageKey, stageChannel)
	return err
}

// ingestAt returns how publishers reach one of our ways in; false if it is closed.
func (a *app) ingestAt(protocol, listen string) (instance.IngestView, bool) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return instance.IngestView{}, false
	}
	way := instance.IngestView{Protocol: protocol}
	way.Port, _ = strconv.Atoi(port) // settings are checked
	if public, err := url.Parse(a.cfg.PublicURL); err == nil && public.Hostname() != "" {
		way.URL = protocol + "://" + net.JoinHostPort(public.Hostname(), port) + "/live"
	}
	return way, true
}

// local returns the address at which this machine reaches one of our listeners, ""
// if there is none.
func (a *app) local(service string) string {
	addr := a.addresses[service]
	if addr == nil {
		return ""
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// publicURL returns how people reach this server, as far as is known.
func (a *app) publicURL() string {
	if a.cfg.PublicURL != "" {
		return strings.TrimSuffix(a.cfg.PublicURL, "/")
	}
	scheme := "http://"
	if a.cfg.HTTP.TLS.Cert != "" {
		scheme = "https://"
	}
	return scheme + a.local("http")
}
