package channel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/storage/db/column"
)

// Rung is the settings of one encoded rendition of a channel.
type Rung struct {
	Name         string  `json:"name" pattern:"^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$" maxLength:"16" doc:"Name of the rendition, unique in the ladder." example:"720p"`
	Height       int     `json:"height" minimum:"64" maximum:"4320" multipleOf:"2" doc:"Height in pixels; the width follows the source's shape." example:"720"`
	BitrateBPS   int     `json:"bitrate_bps" minimum:"50000" maximum:"50000000" doc:"Video bits per second." example:"2800000"`
	MaxFrameRate float64 `json:"max_frame_rate,omitempty" minimum:"0" maximum:"240" doc:"Frames per second at most; 0 or none keeps the source's." example:"30"`
}

// maxRungs bounds what one channel may ask of the encoder.
const maxRungs = 6

var rungName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?$`)

// checkLadder refuses a ladder that no encoder could follow or that two
// renditions' addresses would clash in.
func checkLadder(ladder []Rung) error {
	if len(ladder) > maxRungs {
		return fmt.Errorf("%w: more than %d rungs", ErrBadLadder, maxRungs)
	}
	seen := make(map[string]bool, len(ladder))
	for i, r := range ladder {
		switch {
		case !rungName.MatchString(r.Name), r.Name == "source", r.Name == "audio":
			return fmt.Errorf("%w: rung %d has no usable name", ErrBadLadder, i)
		case seen[r.Name]:
			return fmt.Errorf("%w: rung %d has the name of another", ErrBadLadder, i)
		case r.Height < 64 || r.Height > 4320 || r.Height%2 != 0:
			return fmt.Errorf("%w: rung %d has an unusable height", ErrBadLadder, i)
		case r.BitrateBPS < 50_000 || r.BitrateBPS > 50_000_000:
			return fmt.Errorf("%w: rung %d has an unusable bitrate", ErrBadLadder, i)
		case !(r.MaxFrameRate >= 0 && r.MaxFrameRate <= 240): // also NaN
			return fmt.Errorf("%w: rung %d has an unusable frame rate", ErrBadLadder, i)
		}
		seen[r.Name] = true
	}
	return nil
}

// encodeLadder returns the column for ladder; nil, the server's own, is null.
func encodeLadder(ladder []Rung) (column.JSON, error) {
	if ladder == nil {
		return nil, nil
	}
	return json.Marshal(ladder)
}

func decodeLadder(doc column.JSON) ([]Rung, error) {
	if doc == nil {
		return nil, nil
	}
	ladder := []Rung{}
	if err := json.Unmarshal(doc, &ladder); err != nil {
		return nil, fmt.Errorf("channel: stored ladder: %w", err)
	}
	return ladder, nil
}

// ladderChange is a field of a request that can be absent, null or a list.
type ladderChange struct {
	set   bool
	rungs []Rung
}

var rungType = reflect.TypeFor[Rung]()

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
