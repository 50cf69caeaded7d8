package moderation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// rules is what is known of a chat. It does not change once made.
type rules struct {
	Settings

	words  []string
	filter *filter // of words; nil for none
	pinned uuid.UUID
}

// rulesOf returns the rules of a row.
func rulesOf(row store.ChatSetting) (*rules, error) {
	r := &rules{
		Settings: Settings{
			Enabled: row.Enabled, Who: row.Who,
			FollowedFor: time.Duration(row.FollowedForS) * time.Second, SlowMode: time.Duration(row.SlowModeS) * time.Second,
			EmotesOnly: row.EmotesOnly, Links: row.Links, Version: row.Version,
		},
		pinned: row.PinnedID.UUID,
	}
	if row.BlockedWords == nil {
		return r, nil
	}
	if err := json.Unmarshal(row.BlockedWords, &r.words); err != nil {
		return nil, fmt.Errorf("moderation: read blocked words: %w", err)
	}
	r.filter = newFilter(r.words)
	return r, nil
}

// readRules reads the rules of a chat from the database.
func readRules(ctx context.Context, q *store.Queries, channel uuid.UUID) (*rules, error) {
	row, err := q.ChatSettingsOf(ctx, channel)
	if errors.Is(err, db.ErrNotFound) {
		return &rules{Settings: usual}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("moderation: read the settings of a chat: %w", err)
	}
	return rulesOf(row)
}

// rulesFor returns the rules of a chat, which may be some seconds old.
func (s *Service) rulesFor(ctx context.Context, channel uuid.UUID) (*rules, error) {
	return s.rules.Get(ctx, channel, func(ctx context.Context) (*rules, error) {
		return readRules(ctx, s.cfg.DB.Read(), channel)
	})
}

// errVersion is the outcome of changing a version that is no longer the last.
var errVersion = errors.New("moderation: changed meanwhile")

// edit changes the rules of a chat as do says, which also returns what to note of it
// as the action, and whether there is anything to change.
func (s *Service) edit(ctx context.Context, at auth.Access, match rest.IfMatch, action string, do func(*rules) (detail any, changed bool)) (*rules, error) {
	const tries = 5 // against others who change the rules at the same time
	for try := 1; ; try++ {
		r, err := s.editOnce(ctx, at, match, action, do)
		switch {
		case err == nil:
			return r, nil
		case !errors.Is(err, errVersion):
			return nil, err
		case match.Given() || try == tries:
			return nil, rest.ErrChanged
		}
	}
}

func (s *Service) editOnce(ctx context.Context, at auth.Access, match rest.IfMatch, action string, do func(*rules) (any, bool)) (*rules, error) {
	var r *rules
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := s.ensure(ctx, tx, at.ChannelID); err != nil {
			return err
		}
		var err error
		if r, err = readRules(ctx, tx.Queries, at.ChannelID); err != nil {
			return err
		}
		if err := match.Check(r.Version); err != nil {
			return err
		}
		detail, changed := do(r)
		if !changed {
			return nil
		}
		saved, err := s.save(ctx, tx, at.ChannelID, r)
		if err != nil {
			return err
		}
		if !saved {
			return errVersion
		}
		if err := s.Note(ctx, tx, at.ChannelID, action, uuid.Nil, "", uuid.Nil, detail); err != nil {
			return err
		}
		return tx.Notify(ctx, topicRules, at.ChannelID.String())
	})
	return r, err
}

// ensure sees to it that a chat has a row. One whose channel is gone is ErrNotFound.
func (s *Service) ensure(ctx context.Context, tx *db.Tx, channel uuid.UUID) error {
	err := tx.EnsureChatSettings(ctx, store.EnsureChatSettingsParams{
		ChannelID: channel, Enabled: usual.Enabled, Who: usual.Who, EmotesOnly: usual.EmotesOnly, Links: usual.Links,
		At: column.At(s.cfg.Now()),
	})
	if db.IsForeignKey(err) {
		return ErrNotFound
	}
	return err
}

// save writes the next version of r, and counts it up. It reports false, and has
// written nothing, if r is not the last version.
func (s *Service) save(ctx context.Context, tx *db.Tx, channel uuid.UUID, r *rules) (bool, error) {
	var words column.JSON
	if len(r.words) > 0 {
		var err error
		if words, err = json.Marshal(r.words); err != nil {
			return false, fmt.Errorf("encode words: %w", err)
		}
	}
	n, err := tx.UpdateChatSettings(ctx, store.UpdateChatSettingsParams{
		ChannelID: channel, Version: r.Version, Enabled: r.Enabled, Who: r.Who,
		FollowedForS: int64(r.FollowedFor / time.Second), SlowModeS: int64(r.SlowMode / time.Second),
		EmotesOnly: r.EmotesOnly, Links: r.Links, BlockedWords: words, At: column.At(s.cfg.Now()),
	})
	r.Version++
	return n > 0, err
}
