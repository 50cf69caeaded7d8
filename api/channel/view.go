package channel

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// ChannelView is a channel as everyone sees it.
type ChannelView struct {
	ID           string          `json:"id" format:"uuid"`
	Slug         string          `json:"slug" doc:"Address of the channel."`
	Title        string          `json:"title"`
	Owner        string          `json:"owner" doc:"Username of the owner."`
	CreatedAt    time.Time       `json:"created_at"`
	Live         bool            `json:"live" doc:"Whether the channel is on air."`
	Viewers      int             `json:"viewers"`
	HLSURL       string          `json:"hls_url" doc:"Multivariant playlist, there while the channel is on air."`
	StartedAt    *time.Time      `json:"started_at,omitempty" doc:"When the channel went on air."`
	ThumbnailURL string          `json:"thumbnail_url,omitempty" doc:"JPEG of the stream, a few seconds old."`
	Renditions   []renditionView `json:"renditions" nullable:"false" doc:"What can be played now, the source among it."`
	Ladder       []Rung          `json:"ladder" doc:"The channel's own rungs; null for the server's, empty for the source alone."`
}

// renditionView is one version of a stream as viewers see it.
type renditionView struct {
	Name      string  `json:"name"`
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	Bandwidth int     `json:"bandwidth" doc:"Peak bits per second."`
	Codecs    string  `json:"codecs" doc:"RFC 6381 codecs." example:"avc1.640028,mp4a.40.2"`
	FrameRate float64 `json:"frame_rate,omitempty"`
}

// view shows ch together with what is on air there.
func (s *Service) view(ch Channel) ChannelView {
	v := ChannelView{
		ID: ch.ID.String(), Slug: ch.Slug, Title: ch.Title, Owner: ch.Owner, CreatedAt: ch.CreatedAt,
		HLSURL:     "/live/" + ch.Slug + "/index.m3u8",
		Renditions: []renditionView{},
		Ladder:     ch.Ladder,
	}
	state, ok := s.live(ch.Slug)
	if !ok {
		return v
	}
	v.Live, v.Viewers, v.ThumbnailURL = true, state.Viewers, state.ThumbnailURL
	if state.HLSURL != "" {
		v.HLSURL = state.HLSURL
	}
	if !state.StartedAt.IsZero() {
		started := state.StartedAt.UTC()
		v.StartedAt = &started
	}
	for _, r := range state.Renditions {
		v.Renditions = append(v.Renditions, renditionView(r))
	}
	return v
}

// KeyView is a stream key without its secret.
type KeyView struct {
	ID         string     `json:"id" format:"uuid"`
	Label      string     `json:"label"`
	Hint       string     `json:"hint" doc:"Last characters of the secret."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
}

func viewOfKey(k Key) KeyView {
	return KeyView{
		ID: k.ID.String(), Label: k.Label, Hint: k.Hint, CreatedAt: k.CreatedAt,
		LastUsedAt: unlessZero(k.LastUsedAt), RevokedAt: unlessZero(k.RevokedAt),
	}
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ladderChange is a field of a PATCH that can be absent, null or a list.
type ladderChange struct {
	set   bool
	rungs []Rung
}

// UnmarshalJSON implements json.Unmarshaler; it is called only for a field that is there.
func (c *ladderChange) UnmarshalJSON(doc []byte) error {
	c.set = true
	if bytes.Equal(bytes.TrimSpace(doc), []byte("null")) {
		c.rungs = nil
		return nil
	}
	c.rungs = []Rung{}
	return json.Unmarshal(doc, &c.rungs)
}

// Schema implements huma.SchemaProvider.
func (ladderChange) Schema(r huma.Registry) *huma.Schema {
	most := maxRungs
	schema := &huma.Schema{
		Type: huma.TypeArray, Nullable: true, MaxItems: &most,
		Items:       r.Schema(rungType, true, "Rung"),
		Description: "The channel's own rungs; null for the server's, empty for the source alone. Counts from the next session on.",
	}
	schema.PrecomputeMessages()
	return schema
}
