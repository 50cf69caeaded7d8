package channel

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
)

func (h *handler) registerPlayback(api huma.API) {
	tags := []string{"Playback"}
	huma.Register(api, huma.Operation{
		OperationID: "create-playback", Method: http.MethodPost, Path: "/api/v1/channels/{slug}/playback",
		Summary: "Get an address to play a channel at", Tags: tags,
		Description: "That of a private channel holds a token that is good for some hours, in every player. Ask again before it expires.",
		Errors:      []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, h.createPlayback)
	huma.Register(api, huma.Operation{
		OperationID: "share-playback", Method: http.MethodPost, Path: "/api/v1/channels/{slug}/playback-links",
		Summary: "Get an address at which whoever has it can play a private channel", Tags: tags,
		Description: "It cannot be taken back before it expires. Channels that are not private need none: theirs never expires.",
		Errors:      writeErrors,
	}, h.sharePlayback)
}

// PlaybackView is where a channel plays.
type PlaybackView struct {
	HLSURL    string     `json:"hls_url" doc:"Multivariant playlist, there while the channel is on air." example:"/live/demo/index.m3u8"`
	ExpiresAt *time.Time `json:"expires_at" doc:"null if never."`
}

type playbackOutput struct{ Body PlaybackView }

func newPlaybackOutput(p Playback) *playbackOutput {
	return &playbackOutput{Body: PlaybackView{HLSURL: p.HLSURL, ExpiresAt: unlessZero(p.ExpiresAt)}}
}

// createPlayback handles POST /api/v1/channels/{slug}/playback.
func (h *handler) createPlayback(ctx context.Context, _ *SlugInput) (*playbackOutput, error) {
	p, err := h.channels.CreatePlayback(ctx, auth.AccessOf(ctx))
	if err != nil {
		return nil, err
	}
	return newPlaybackOutput(p), nil
}

type sharePlaybackInput struct {
	SlugInput
	Body struct {
		TTLSeconds int `json:"ttl_seconds" minimum:"60" maximum:"604800" doc:"How long the link is good: seven days at most." example:"86400"`
	}
}

// sharePlayback handles POST /api/v1/channels/{slug}/playback-links.
func (h *handler) sharePlayback(ctx context.Context, in *sharePlaybackInput) (*playbackOutput, error) {
	p, err := h.channels.SharePlayback(ctx, auth.AccessOf(ctx), time.Duration(in.Body.TTLSeconds)*time.Second)
	if err != nil {
		return nil, err
	}
	return newPlaybackOutput(p), nil
}
