package channel

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// RecordingView is Recording as it is shown.
type RecordingView struct {
	Enabled    bool     `json:"enabled" doc:"Whether broadcasts of this channel are recorded."`
	Renditions []string `json:"renditions" nullable:"false" doc:"Names of the renditions to record; none for the source alone." example:"[\"source\",\"720p\"]"`
}

// ChannelView is a channel as those see it who may see it.
type ChannelView struct {
	ID          string    `json:"id" format:"uuid"`
	Slug        string    `json:"slug" doc:"Address of the channel. It never changes." example:"demo"`
	Title       string    `json:"title" example:"Demo"`
	Description string    `json:"description" doc:"Lines of plain text." example:"Every evening at eight."`
	Links       []Link    `json:"links" nullable:"false"`
	Category    string    `json:"category" example:"Music"`
	Tags        []string  `json:"tags" nullable:"false" example:"[\"jazz\",\"live-band\"]"`
	Visibility  string    `json:"visibility" enum:"public,unlisted,private" doc:"public is in lists; unlisted is for whoever knows the address; private for owner, members and whoever has a link."`
	Owner       string    `json:"owner" doc:"Username of the owner." example:"ada"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Version     int64     `json:"version" doc:"Counts edits: ETag and If-Match are made of it." example:"1"`
	Followers   int64     `json:"followers" example:"12"`
	Likes       int64     `json:"likes" example:"340"`

	Avatar    *rest.PictureView `json:"avatar,omitempty"`
	Banner    *rest.PictureView `json:"banner,omitempty"`
	Thumbnail *rest.PictureView `json:"thumbnail,omitempty" doc:"Of broadcasts that have none of their own."`

	Live         bool            `json:"live" doc:"Whether the channel is on air."`
	Viewers      int             `json:"viewers" doc:"How many watch now."`
	HLSURL       string          `json:"hls_url" doc:"Multivariant playlist, there while the channel is on air. That of a private channel is the caller's own, and good for some hours." example:"/live/demo/index.m3u8"`
	StartedAt    *time.Time      `json:"started_at,omitempty" doc:"When the channel went on air."`
	ThumbnailURL string          `json:"thumbnail_url,omitempty" doc:"JPEG of the stream, a few seconds old."`
	Renditions   []renditionView `json:"renditions" nullable:"false" doc:"What can be played now, the source among it."`
	Ladder       []Rung          `json:"ladder" doc:"The channel's own rungs; null for the server's, empty for the source alone."`

	BroadcastTitle *string        `json:"broadcast_title,omitempty" doc:"Title of broadcasts that nobody scheduled; empty for the channel's. Shown to those who may edit the channel."`
	Recording      *RecordingView `json:"recording,omitempty" doc:"Shown to those who may edit the channel."`
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

// view shows ch to whoever ctx speaks for, who is role there, together with what is
// on air.
func (s *Service) view(ctx context.Context, ch Channel, live *LiveState, role auth.ChannelRole) ChannelView {
	v := ChannelView{
		ID: ch.ID.String(), Slug: ch.Slug, Title: ch.Title, Description: ch.Description,
		Links: orEmpty(ch.Links), Category: ch.Category, Tags: orEmpty(ch.Tags), Visibility: ch.Visibility,
		Owner: ch.Owner, CreatedAt: ch.CreatedAt, UpdatedAt: ch.UpdatedAt, Version: ch.Version,
		Followers: ch.Followers, Likes: s.likes.shown(ch.ID, ch.Likes),
		Avatar:     rest.Picture(rest.Avatar, ch.Avatar),
		Banner:     rest.Picture(rest.Banner, ch.Banner),
		Thumbnail:  rest.Picture(rest.Thumbnail, ch.Thumbnail),
		Renditions: []renditionView{},
		Ladder:     ch.Ladder,
	}
	p := auth.User(ctx)
	if role&(auth.Owner|auth.Broadcaster) != 0 || p.IsAdmin() {
		recording := RecordingView(ch.Recording)
		recording.Renditions = orEmpty(recording.Renditions)
		v.BroadcastTitle, v.Recording = &ch.BroadcastTitle, &recording
	}
	play := s.playback(p.UserID, ch, live, s.cfg.PlaybackTTL)
	v.HLSURL = play.HLSURL
	if live == nil {
		return v
	}
	v.Live, v.Viewers, v.ThumbnailURL = true, live.Viewers, live.ThumbnailURL
	if v.ThumbnailURL != "" && ch.Visibility == Private {
		v.ThumbnailURL = beside(play.HLSURL, "thumb.jpg")
	}
	if !live.StartedAt.IsZero() {
		started := live.StartedAt.UTC()
		v.StartedAt = &started
	}
	for _, r := range live.Renditions {
		v.Renditions = append(v.Renditions, renditionView(r))
	}
	return v
}

// beside returns the address of another file in the folder of u; "" without one.
func beside(u, file string) string {
	parsed, err := url.Parse(u)
	if err != nil || u == "" {
		return ""
	}
	return parsed.ResolveReference(&url.URL{Path: file}).String()
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return slices.Clip(list)
}

// roleNames are how roles are told, the greatest first.
var roleNames = []struct {
	role auth.ChannelRole
	name string
}{{auth.Owner, "owner"}, {auth.Broadcaster, "broadcaster"}, {auth.ChanModerator, "moderator"}, {auth.ChanViewer, "viewer"}}

// nameOf returns the name of the greatest of roles; "" for none.
func nameOf(roles auth.ChannelRole) string {
	for _, r := range roleNames {
		if roles&r.role != 0 {
			return r.name
		}
	}
	return ""
}

// PersonView is a person in a list.
type PersonView struct {
	Username    string            `json:"username" example:"ada"`
	DisplayName string            `json:"display_name" example:"Ada L."`
	Avatar      *rest.PictureView `json:"avatar,omitempty"`
}

func viewOfPerson(username, displayName string, avatar uuid.NullUUID) PersonView {
	return PersonView{Username: username, DisplayName: displayName, Avatar: rest.Picture(rest.Avatar, avatar.UUID)}
}
