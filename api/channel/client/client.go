// Package client asks the API about stream keys, from an ingest node that runs
// on its own.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bandstand/api/channel"
)

// maxReplyBytes bounds what is read of a reply; a heartbeat's may name 1000 keys and channels.
const maxReplyBytes = 1 << 20

// codeUnknownKey is the code of the only reply that means "this key opens
// nothing". A 404 of something else, such as a proxy, does not have it.
const codeUnknownKey = "unknown_key"

// Config is what a Client needs. Fields without a default are required.
type Config struct {
	BaseURL string            // of the API, such as https://live.example.org
	Token   string            // service token with the scope ingest
	Timeout time.Duration     // longest wait for one reply; 3s if zero
	Base    http.RoundTripper // http.DefaultTransport if nil
}

// Client speaks to the API in the name of an ingest node. It is safe for
// concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New returns a Client. It does not ask whether the API answers.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("client: the address of the API is not http or https")
	}
	if cfg.Token == "" {
		return nil, errors.New("client: a service token is required")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 3 * time.Second
	}
	return &Client{
		base:  strings.TrimSuffix(cfg.BaseURL, "/"),
		token: cfg.Token,
		http: &http.Client{
			Transport: cfg.Base,
			Timeout:   cfg.Timeout,
			// A redirect would carry stream keys to somewhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Authorize returns what key opens. A key that opens nothing is
// channel.ErrUnknownKey; any other error means that the API could not be asked,
// and then nobody may publish.
func (c *Client) Authorize(ctx context.Context, app, key string) (channel.Grant, error) {
	var grant channel.Grant
	err := c.post(ctx, channel.AuthorizePath, channel.AuthorizeRequest{App: app, Key: key}, &grant)
	if err != nil {
		return channel.Grant{}, fmt.Errorf("client: authorize: %w", err)
	}
	if grant.ChannelID == "" || grant.Slug == "" || grant.KeyID == "" {
		return channel.Grant{}, errors.New("client: authorize: the API granted nothing")
	}
	return grant, nil
}

// Heartbeat reports what is on air here and returns which stream keys' sessions must
// end and which channels are private.
func (c *Client) Heartbeat(ctx context.Context, report channel.Report) (channel.HeartbeatReply, error) {
	if report.Live == nil {
		report.Live = []channel.LiveState{}
	}
	var reply channel.HeartbeatReply
	if err := c.post(ctx, channel.HeartbeatPath, report, &reply); err != nil {
		return channel.HeartbeatReply{}, fmt.Errorf("client: heartbeat: %w", err)
	}
	return reply, nil
}

func (c *Client) post(ctx context.Context, path string, body, reply any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes))
	if err != nil {
		return fmt.Errorf("read the reply: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp.StatusCode, got)
	}
	if err := json.Unmarshal(got, reply); err != nil {
		return fmt.Errorf("understand the reply: %w", err)
	}
	return nil
}

// refusal tells "unknown key" apart from everything else.
func refusal(status int, body []byte) error {
	var problem struct {
		Code string `json:"code"`
	}
	err := json.Unmarshal(body, &problem)
	if err == nil && status == http.StatusNotFound && problem.Code == codeUnknownKey {
		return channel.ErrUnknownKey
	}
	return fmt.Errorf("the API replied with status %d", status)
}
