package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
)

const instanceEmotesPath = "/api/v1/admin/emotes/"

// registerEmotes adds the operations that put the pictures of emotes. They go with
// their emotes, so that nothing deletes them alone.
func (h *handler) registerEmotes() {
	of := place{name: "emote-picture", path: channelPath + "emotes/{emote}/picture", what: "the picture of an emote of a channel", kind: rest.Emote}
	huma.Register(h.api, h.putting(of), func(ctx context.Context, in *EmotePictureInput) (*putOutput, error) {
		return h.putEmote(ctx, auth.AccessOf(ctx).ChannelID, in.Emote, in.RawBody)
	})
	put := h.putting(place{name: "emote-picture", path: instanceEmotesPath + "{emote}/picture", what: "the picture of an emote of the instance", kind: rest.Emote})
	put.OperationID = "admin-put-emote-picture"
	huma.Register(h.api, put, func(ctx context.Context, in *InstanceEmotePictureInput) (*putOutput, error) {
		return h.putEmote(ctx, uuid.Nil, in.Emote, in.RawBody)
	})
}

// EmoteInput is the part of an input that names an emote.
type EmoteInput struct {
	Emote string `path:"emote" maxLength:"36" doc:"Id of the emote." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

// EmotePictureInput is a picture for an emote of a channel.
type EmotePictureInput struct {
	ChannelInput
	EmoteInput
	RawBody []byte
}

// InstanceEmotePictureInput is a picture for an emote of the instance.
type InstanceEmotePictureInput struct {
	EmoteInput
	RawBody []byte
}

// putEmote handles uploads for the emote with an id, which is of a channel, or of the
// instance if that is uuid.Nil.
func (h *handler) putEmote(ctx context.Context, channel uuid.UUID, id string, picture []byte) (*putOutput, error) {
	to, err := h.images.emote(ctx, channel, id)
	if err != nil {
		return nil, err
	}
	return h.put(ctx, to, rest.Emote, picture)
}

// emote returns the emote with an id, if it is of the channel.
func (s *Service) emote(ctx context.Context, channel uuid.UUID, id string) (Target, error) {
	emote, err := uuid.Parse(id)
	if err != nil || emote.String() != id {
		return Target{}, ErrEmoteNotFound
	}
	row, err := s.cfg.DB.Read().EmoteByID(ctx, emote)
	switch {
	case errors.Is(err, db.ErrNotFound), err == nil && row.ChannelID.UUID != channel:
		return Target{}, ErrEmoteNotFound
	case err != nil:
		return Target{}, fmt.Errorf("image: look an emote up: %w", err)
	}
	return Target{targetEmote, emote, row.Code}, nil
}
