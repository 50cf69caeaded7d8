package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Change is what Update sets; a field that is nil stays as it is.
type Change struct {
	Title          *string
	Description    *string
	Links          *[]Link
	Category       *string
	Tags           *[]string
	Visibility     *string
	BroadcastTitle *string
	Recording      *Recording
	Ladder         *[]Rung // a nil slice goes back to the server's ladder
}

// errVersion is the outcome of changing a version that is no longer the last.
var errVersion = errors.New("channel: changed meanwhile")

// Update changes a channel, if match agrees with its version. A new ladder counts
// from the next session on, everything else at once. The outcomes are
// rest.ErrChanged, ErrNotFound and ErrBad….
func (s *Service) Update(ctx context.Context, at auth.Access, match rest.IfMatch, c Change) (Channel, error) {
	const tries = 5 // against others who change the channel at the same time
	for try := 1; ; try++ {
		ch, err := s.update(ctx, at, match, c)
		switch {
		case err == nil:
			return ch, nil
		case !errors.Is(err, errVersion):
			return Channel{}, fmt.Errorf("channel: update: %w", err)
		case match.Given() || try == tries:
			return Channel{}, rest.ErrChanged
		}
	}
}

func (s *Service) update(ctx context.Context, at auth.Access, match rest.IfMatch, c Change) (Channel, error) {
	var ch Channel
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		var err error
		if ch, err = s.get(ctx, q.Queries, at.Slug); err != nil {
			return err
		}
		if ch.ID != at.ChannelID { // another took its address meanwhile
			return ErrNotFound
		}
		if err := match.Check(ch.Version); err != nil {
			return err
		}
		before := ch.Visibility
		if err := c.apply(&ch); err != nil {
			return err
		}
		ch.UpdatedAt = column.At(s.cfg.Now()).Time
		saved, err := save(ctx, q, &ch)
		if err != nil {
			return err
		}
		if !saved {
			return errVersion
		}
		if err := q.Notify(ctx, auth.TopicChannel, ch.Slug); err != nil {
			return err
		}
		if before != ch.Visibility {
			return s.audit(ctx, q, at, "channel.visibility", map[string]any{"from": before, "to": ch.Visibility})
		}
		if at.Role&(auth.Owner|auth.Broadcaster) == 0 { // staff
			return s.audit(ctx, q, at, "channel.update", nil)
		}
		return nil
	})
	return ch, err
}

// apply makes the change to ch, cleaned and checked.
func (c *Change) apply(ch *Channel) error {
	var err error
	if c.Title != nil {
		if ch.Title, err = cleanTitle(*c.Title); err != nil {
			return err
		}
	}
	if c.Description != nil {
		if ch.Description, err = cleanDescription(*c.Description); err != nil {
			return err
		}
	}
	if c.Links != nil {
		if ch.Links, err = cleanLinks(*c.Links); err != nil {
			return err
		}
	}
	if c.Category != nil {
		if ch.Category, err = cleanCategory(*c.Category); err != nil {
			return err
		}
	}
	if c.Tags != nil {
		if ch.Tags, err = cleanTags(*c.Tags); err != nil {
			return err
		}
	}
	if c.Visibility != nil {
		ch.Visibility = *c.Visibility // the database refuses what is none
	}
	if c.BroadcastTitle != nil {
		ch.BroadcastTitle = ""
		if *c.BroadcastTitle != "" {
			if ch.BroadcastTitle, err = cleanTitle(*c.BroadcastTitle); err != nil {
				return err
			}
		}
	}
	if c.Recording != nil {
		if err := checkRecording(*c.Recording); err != nil {
			return err
		}
		ch.Recording = *c.Recording
	}
	if c.Ladder != nil {
		if err := checkLadder(*c.Ladder); err != nil {
			return err
		}
		ch.Ladder = *c.Ladder
	}
	return nil
}

// save writes the next version of ch with its tags and words, and counts ch.Version
// up. It reports false, and has written nothing, if ch is not the last version.
func save(ctx context.Context, q *db.Tx, ch *Channel) (bool, error) {
	ladder, err := encodeLadder(ch.Ladder)
	if err != nil {
		return false, fmt.Errorf("encode the ladder: %w", err)
	}
	links, err := encode(ch.Links, len(ch.Links) == 0)
	if err != nil {
		return false, fmt.Errorf("encode the links: %w", err)
	}
	recording, err := encode(ch.Recording, !ch.Recording.Enabled && len(ch.Recording.Renditions) == 0)
	if err != nil {
		return false, fmt.Errorf("encode the recording: %w", err)
	}
	n, err := q.UpdateChannel(ctx, store.UpdateChannelParams{
		ID: ch.ID, Version: ch.Version,
		Title: ch.Title, Description: ch.Description, Links: links, Category: ch.Category,
		Visibility: ch.Visibility, BroadcastTitle: ch.BroadcastTitle, Recording: recording,
		Ladder: ladder, UpdatedAt: column.At(ch.UpdatedAt),
	})
	if err != nil || n == 0 {
		return false, err
	}
	ch.Version++
	if err := saveTags(ctx, q, ch.ID, ch.Tags); err != nil {
		return false, fmt.Errorf("save tags: %w", err)
	}
	if err := saveWords(ctx, q, ch.ID, wordsOf(ch)); err != nil {
		return false, fmt.Errorf("save words: %w", err)
	}
	return true, nil
}

// encode returns the column for v, which is null if v is empty.
func encode(v any, empty bool) (column.JSON, error) {
	if empty {
		return nil, nil
	}
	return json.Marshal(v)
}

// wordsOf returns the words under which ch can be found.
func wordsOf(ch *Channel) []string {
	texts := append([]string{ch.Slug, ch.Title, ch.Owner, ch.Category}, ch.Tags...)
	return rest.Words(append(texts, ch.Description)...)
}

func saveTags(ctx context.Context, q *db.Tx, id uuid.UUID, tags []string) error {
	had, err := q.ChannelTags(ctx, id)
	if err != nil {
		return err
	}
	return replace(had, tags,
		func(tag string) error {
			return q.AddChannelTag(ctx, store.AddChannelTagParams{Tag: tag, ChannelID: id})
		},
		func(tag string) error {
			return q.DeleteChannelTag(ctx, store.DeleteChannelTagParams{Tag: tag, ChannelID: id})
		})
}

func saveWords(ctx context.Context, q *db.Tx, id uuid.UUID, words []string) error {
	had, err := q.ChannelWords(ctx, id)
	if err != nil {
		return err
	}
	return replace(had, words,
		func(word string) error {
			return q.AddChannelWord(ctx, store.AddChannelWordParams{Word: word, ChannelID: id})
		},
		func(word string) error {
			return q.DeleteChannelWord(ctx, store.DeleteChannelWordParams{Word: word, ChannelID: id})
		})
}

// replace calls add and remove for what makes have into want: an edit changes few.
func replace(have, want []string, add, remove func(string) error) error {
	for _, text := range have {
		if !slices.Contains(want, text) {
			if err := remove(text); err != nil {
				return err
			}
		}
	}
	for _, text := range want {
		if !slices.Contains(have, text) {
			if err := add(text); err != nil {
				return err
			}
		}
	}
	return nil
}
