package broadcast

import (
	"encoding/json"
	"time"

	"bandstand/api/rest"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// BroadcastView is a broadcast as whoever may see it sees it.
type BroadcastView struct {
	ID           string            `json:"id" format:"uuid"`
	Channel      string            `json:"channel" doc:"Address of its channel." example:"demo"`
	ChannelTitle string            `json:"channel_title"`
	State        string            `json:"state" enum:"prepared,scheduled,live,ended"`
	Title        string            `json:"title" example:"Evening session"`
	Description  string            `json:"description"`
	Category     string            `json:"category" example:"Music"`
	Tags         []string          `json:"tags" nullable:"false" example:"[\"jazz\",\"live-band\"]"`
	Links        []BroadcastLink   `json:"links" nullable:"false"`
	Thumbnail    *rest.PictureView `json:"thumbnail,omitempty"`
	URL          string            `json:"url" format:"uri" doc:"Page of its channel." example:"https://live.example.org/c/demo"`
	PlannedStart *time.Time        `json:"planned_start,omitempty"`
	PlannedEnd   *time.Time        `json:"planned_end,omitempty"`
	StartedAt    *time.Time        `json:"started_at,omitempty"`
	EndedAt      *time.Time        `json:"ended_at,omitempty"`
	PublishedAt  *time.Time        `json:"published_at,omitempty" doc:"Absent while it is hidden; it is, once it has ended, until it is published."`
	Viewers      int64             `json:"viewers" doc:"Now; 0 unless it is on air."`
	PeakViewers  int64             `json:"peak_viewers" doc:"Most at one time."`
	TotalViewers int64             `json:"total_viewers" doc:"Different ones, as far as they could be told apart."`
	Likes        int64             `json:"likes"`
	DurationMS   int64             `json:"duration_ms" doc:"On air, without the gaps between sessions."`
	CreatedAt    time.Time         `json:"created_at"`
	UpdatedAt    time.Time         `json:"updated_at" doc:"When what people write of it, or its state, changed."`
	Reminder     *bool             `json:"reminder,omitempty" doc:"Whether you asked for a mail when it begins. Only in the reply to a request for this broadcast."`
}

// freshFor is how old the number of viewers may be.
const freshFor = 30 * time.Second

func pagePath(slug string) string { return "/c/" + slug }

// view shows b as the API does.
func (s *Service) view(b *Broadcast) BroadcastView {
	v := BroadcastView{
		ID: b.ID.String(), Channel: b.ChannelSlug, ChannelTitle: b.ChannelTitle, State: b.State,
		Title: b.Title, Description: b.Description, Category: b.Category,
		Tags: b.Tags, Links: b.Links,
		Thumbnail:    rest.Picture(rest.Thumbnail, b.ThumbnailID.UUID),
		URL:          s.cfg.BaseURL + pagePath(b.ChannelSlug),
		PlannedStart: timeOf(b.PlannedStart), PlannedEnd: timeOf(b.PlannedEnd),
		StartedAt: timeOf(b.StartedAt), EndedAt: timeOf(b.EndedAt), PublishedAt: timeOf(b.PublishedAt),
		PeakViewers: b.PeakViewers, TotalViewers: b.TotalViewers, Likes: b.Likes, DurationMS: b.DurationMs,
		CreatedAt: b.CreatedAt.Time, UpdatedAt: b.UpdatedAt.Time,
	}
	if v.Links == nil {
		v.Links = []BroadcastLink{}
	}
	v.Viewers, _ = s.watching(b)
	return v
}

// watching returns how many watch b now, and how many of these only listen: as is
// counted here, or was on the node that has its session.
func (s *Service) watching(b *Broadcast) (viewers, listeners int64) {
	if b.State != OnAir || b.SeenAt == nil || s.cfg.Now().Sub(b.SeenAt.Time) >= freshFor {
		return 0, 0
	}
	if s.cfg.Audience != nil {
		if viewers, listeners := s.cfg.Audience.Count(b.ChannelSlug); viewers > 0 {
			return int64(viewers), int64(listeners)
		}
	}
	return b.Viewers, 0
}

// publicView shows b to other programs: its pictures are where these find them.
func (s *Service) publicView(b *Broadcast) BroadcastView {
	v := s.view(b)
	if v.Thumbnail != nil {
		for _, paths := range []map[string]string{v.Thumbnail.WebP, v.Thumbnail.JPEG} {
			for width, path := range paths {
				paths[width] = s.cfg.BaseURL + path
			}
		}
	}
	return v
}

func timeOf(t *column.Time) *time.Time {
	if t == nil {
		return nil
	}
	return &t.Time
}

// BroadcastSessionView is one publisher's time on air within a broadcast.
type BroadcastSessionView struct {
	ID           string     `json:"id" format:"uuid"`
	Node         string     `json:"node" doc:"That took it in; empty for the server itself."`
	StartedAt    time.Time  `json:"started_at"`
	EndedAt      *time.Time `json:"ended_at,omitempty" doc:"Absent while it is on air."`
	SeenAt       time.Time  `json:"seen_at" doc:"When this was measured."`
	DurationMS   int64      `json:"duration_ms"`
	TotalViewers int64      `json:"total_viewers" doc:"Different ones in this session, as its node counts."`
	Ingest       Ingest     `json:"ingest"`
}

func viewOfSession(row store.BroadcastSession) BroadcastSessionView {
	v := BroadcastSessionView{
		ID: row.ID.String(), Node: row.Node, StartedAt: row.StartedAt.Time, EndedAt: timeOf(row.EndedAt),
		SeenAt: row.SeenAt.Time, DurationMS: row.DurationMs, TotalViewers: row.TotalViewers,
	}
	_ = json.Unmarshal(row.Ingest, &v.Ingest) // none yet, or written by another version: what it has of this
	return v
}
