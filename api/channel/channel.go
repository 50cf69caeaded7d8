package channel

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Visibilities of a channel.
const (
	Public   = "public"   // in lists and search
	Unlisted = "unlisted" // for whoever knows its address
	Private  = "private"  // for its owner, its members and whoever has a link
)

// ownerActive is the state of an owner who is neither suspended nor deleted. Channels
// of others are seen by staff alone.
const ownerActive = "active"

// Channel is a lasting place with an owner.
type Channel struct {
	ID             uuid.UUID
	OwnerID        uuid.UUID
	Owner          string // username
	OwnerState     string // active, suspended or deleted
	Slug           string
	Title          string
	Description    string
	Links          []Link
	Category       string
	Tags           []string // in order
	Visibility     string
	BroadcastTitle string // of broadcasts that nobody scheduled; empty for Title
	Recording      Recording
	Ladder         []Rung // nil means the server's; empty means the source alone
	Avatar         uuid.UUID
	Banner         uuid.UUID
	Thumbnail      uuid.UUID // of broadcasts that have none
	Followers      int64
	Likes          int64
	Version        int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Link leads to elsewhere.
type Link struct {
	Label string `json:"label" minLength:"1" maxLength:"60" example:"Website"`
	URL   string `json:"url" minLength:"1" maxLength:"500" format:"uri" doc:"An http or https address." example:"https://example.org"`
}

// Recording is which broadcasts are recorded, once recording is there.
type Recording struct {
	Enabled    bool     `json:"enabled" doc:"Whether broadcasts of this channel are recorded."`
	Renditions []string `json:"renditions" required:"false" nullable:"false" maxItems:"8" doc:"Names of the renditions to record; none for the source alone." example:"[\"source\",\"720p\"]"`
}

func channelOf(row store.ChannelBySlugRow) (Channel, error) {
	ch := Channel{
		ID: row.ID, OwnerID: row.OwnerID, Owner: row.Owner, OwnerState: row.OwnerState,
		Slug: row.Slug, Title: row.Title, Description: row.Description,
		Category: row.Category, Tags: strings.Fields(row.Tags), Visibility: row.Visibility,
		BroadcastTitle: row.BroadcastTitle,
		Avatar:         row.AvatarID.UUID, Banner: row.BannerID.UUID, Thumbnail: row.ThumbnailID.UUID,
		Followers: row.Followers, Likes: row.Likes, Version: row.Version,
		CreatedAt: row.CreatedAt.Time, UpdatedAt: row.UpdatedAt.Time,
	}
	slices.Sort(ch.Tags)
	var err error
	if ch.Ladder, err = decodeLadder(row.Ladder); err != nil {
		return Channel{}, err
	}
	if err := decode(row.Links, &ch.Links); err != nil {
		return Channel{}, err
	}
	if err := decode(row.Recording, &ch.Recording); err != nil {
		return Channel{}, err
	}
	return ch, nil
}

// decode reads a stored document into v; null leaves v as it is.
func decode(doc column.JSON, v any) error {
	if doc == nil {
		return nil
	}
	if err := json.Unmarshal(doc, v); err != nil {
		return fmt.Errorf("channel: stored document: %w", err)
	}
	return nil
}
