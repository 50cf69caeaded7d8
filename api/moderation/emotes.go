package moderation

import (
	"context"
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

// maxEmotes is how many emotes a channel may have, and the instance.
const maxEmotes = 100

// Emote is a picture that stands for a word between colons.
type Emote struct {
	ID        uuid.UUID
	Channel   uuid.UUID // uuid.Nil for one of the instance
	Code      string
	Picture   uuid.UUID // uuid.Nil until it is ready
	CreatedBy string    // username; empty if that account is gone
	CreatedAt time.Time
}

// emoteWidth is that of the picture that is shown in a line of text, for screens with
// two pixels in the place of one.
const emoteWidth = "56"

// Emotes returns the paths of the pictures of those emotes that exist, by code: those
// of the channel, then those of the instance.
func (s *Service) Emotes(ctx context.Context, channel uuid.UUID, codes []string) (map[string]string, error) {
	paths := make(map[string]string, len(codes))
	if len(codes) == 0 {
		return paths, nil
	}
	for _, of := range []uuid.UUID{channel, uuid.Nil} {
		pictures, err := s.emotesOf(ctx, of)
		if err != nil {
			return nil, err
		}
		for _, code := range codes {
			if id, ok := pictures[code]; ok && paths[code] == "" {
				paths[code] = rest.Picture(rest.Emote, id).WebP[emoteWidth]
			}
		}
	}
	return paths, nil
}

// emotesOf returns the pictures of the emotes of a channel that are ready, by code.
func (s *Service) emotesOf(ctx context.Context, channel uuid.UUID) (map[string]uuid.UUID, error) {
	return s.emotes.Get(ctx, channel, func(ctx context.Context) (map[string]uuid.UUID, error) {
		emotes, err := s.readEmotes(ctx, channel)
		if err != nil {
			return nil, err
		}
		pictures := make(map[string]uuid.UUID, len(emotes))
		for _, e := range emotes {
			if e.Picture != uuid.Nil {
				pictures[e.Code] = e.Picture
			}
		}
		return pictures, nil
	})
}

// readEmotes reads the emotes of a channel, or of the instance, by code.
func (s *Service) readEmotes(ctx context.Context, channel uuid.UUID) ([]Emote, error) {
	var rows []store.EmotesOfChannelRow
	var err error
	if channel == uuid.Nil {
		var of []store.EmotesOfInstanceRow
		of, err = s.cfg.DB.Read().EmotesOfInstance(ctx, maxEmotes)
		for _, row := range of {
			rows = append(rows, store.EmotesOfChannelRow(row))
		}
	} else {
		rows, err = s.cfg.DB.Read().EmotesOfChannel(ctx, store.EmotesOfChannelParams{ChannelID: maybe(channel), Most: maxEmotes})
	}
	if err != nil {
		return nil, fmt.Errorf("moderation: list emotes: %w", err)
	}
	emotes := make([]Emote, len(rows))
	for i, row := range rows {
		emotes[i] = Emote{
			ID: row.ID, Channel: channel, Code: row.Code, Picture: row.ImageID.UUID,
			CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt.Time,
		}
	}
	return emotes, nil
}

// ListEmotes returns the emotes of a channel and, behind them, those of the instance;
// those without a picture too if all are wanted. For uuid.Nil it returns those of the
// instance.
func (s *Service) ListEmotes(ctx context.Context, channel uuid.UUID, all bool) ([]Emote, error) {
	var listed []Emote
	for _, of := range []uuid.UUID{channel, uuid.Nil} {
		emotes, err := s.readEmotes(ctx, of)
		if err != nil {
			return nil, err
		}
		for _, e := range emotes {
			if all || e.Picture != uuid.Nil {
				listed = append(listed, e)
			}
		}
		if channel == uuid.Nil {
			break
		}
	}
	return listed, nil
}

// CreateEmote makes an emote of a channel, or of the instance if that is uuid.Nil. It
// is not there for anybody until it has a picture. The outcomes are ErrEmoteTaken,
// ErrTooManyEmotes and ErrNotFound.
func (s *Service) CreateEmote(ctx context.Context, channel uuid.UUID, code string) (Emote, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Emote{}, fmt.Errorf("moderation: make an id: %w", err)
	}
	p, now := auth.User(ctx), column.At(s.cfg.Now())
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := roomForEmote(ctx, tx, channel); err != nil {
			return err
		}
		err := tx.CreateEmote(ctx, store.CreateEmoteParams{ID: id, ChannelID: maybe(channel), Code: code, CreatedBy: maybe(p.UserID), At: now})
		if err != nil {
			return err
		}
		return s.noteEmote(ctx, tx, channel, "create", id, code)
	})
	switch {
	case db.IsUnique(err, "emotes_channel_id_code_key"), db.IsUnique(err, "emotes_code_key"):
		return Emote{}, ErrEmoteTaken
	case err != nil:
		return Emote{}, fmt.Errorf("moderation: make an emote: %w", err)
	}
	return Emote{ID: id, Channel: channel, Code: code, CreatedBy: p.Name, CreatedAt: now.Time}, nil
}

// roomForEmote says whether there may be one more emote. Those of one channel are made
// one after the other, so that they are never more than that; admins are trusted not
// to hurry.
func roomForEmote(ctx context.Context, tx *db.Tx, channel uuid.UUID) error {
	if channel == uuid.Nil {
		rows, err := tx.EmotesOfInstance(ctx, maxEmotes)
		if err == nil && len(rows) >= maxEmotes {
			return ErrTooManyEmotes
		}
		return err
	}
	n, err := tx.LockChannel(ctx, channel)
	if err != nil {
		return fmt.Errorf("lock the channel: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	count, err := tx.CountEmotesOfChannel(ctx, maybe(channel))
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	if count >= maxEmotes {
		return ErrTooManyEmotes
	}
	return nil
}

// DeleteEmote deletes an emote of a channel, or of the instance if that is uuid.Nil;
// any other is ErrEmoteNotFound. Its pictures are removed a while later: messages that
// are open show them.
func (s *Service) DeleteEmote(ctx context.Context, channel uuid.UUID, id string) error {
	emote, err := uuid.Parse(id)
	if err != nil || emote.String() != id {
		return ErrEmoteNotFound
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		row, err := tx.EmoteByID(ctx, emote)
		if errors.Is(err, db.ErrNotFound) || (err == nil && row.ChannelID.UUID != channel) {
			return ErrEmoteNotFound
		}
		if err != nil {
			return err
		}
		n, err := tx.DeleteEmote(ctx, emote)
		switch {
		case err != nil:
			return err
		case n == 0: // somebody was faster
			return ErrEmoteNotFound
		}
		_, err = tx.ReplaceImagesOf(ctx, store.ReplaceImagesOfParams{
			TargetID: emote, TargetKind: rest.Emote, Kind: rest.Emote, At: column.At(s.cfg.Now()),
		})
		if err != nil {
			return fmt.Errorf("free its pictures: %w", err)
		}
		return s.noteEmote(ctx, tx, channel, "delete", emote, row.Code)
	})
	if err != nil {
		return fmt.Errorf("moderation: delete an emote: %w", err)
	}
	return nil
}

// noteEmote notes what was done to an emote, in the log of its channel or that of the
// instance, and tells all nodes.
func (s *Service) noteEmote(ctx context.Context, tx *db.Tx, channel uuid.UUID, verb string, id uuid.UUID, code string) error {
	if err := tx.Notify(ctx, auth.TopicEmotes, channel.String()); err != nil {
		return err
	}
	if channel != uuid.Nil {
		return s.Note(ctx, tx, channel, "emote_"+verb, uuid.Nil, "", uuid.Nil, map[string]any{"code": code})
	}
	return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
		Name: "emote." + verb, TargetKind: "emote", TargetID: id.String(), Target: code,
	})
}
