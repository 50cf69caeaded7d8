package image

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// show makes the target of an image show it. It returns false if the target is gone or
// shows a newer one.
func show(ctx context.Context, tx *db.Tx, row *store.Image, at column.Time) (bool, error) {
	image := uuid.NullUUID{UUID: row.ID, Valid: true}
	switch row.TargetKind {
	case targetUser:
		n, err := tx.ShowUserAvatar(ctx, store.ShowUserAvatarParams{ID: row.TargetID, ImageID: image})
		return told(ctx, tx, n, err, auth.TopicUser, row.TargetID.String())
	case targetBroadcast:
		n, err := tx.ShowBroadcastThumbnail(ctx, store.ShowBroadcastThumbnailParams{ID: row.TargetID, ImageID: image, At: at})
		return told(ctx, tx, n, err, auth.TopicBroadcast, row.TargetID.String())
	case targetEmote:
		channel, err := tx.ShowEmote(ctx, store.ShowEmoteParams{ID: row.TargetID, ImageID: image})
		if errors.Is(err, db.ErrNotFound) {
			return false, nil
		}
		return told(ctx, tx, 1, err, auth.TopicEmotes, channel.UUID.String())
	}
	var slug string
	var err error
	switch row.Kind {
	case rest.Avatar:
		slug, err = tx.ShowChannelAvatar(ctx, store.ShowChannelAvatarParams{ID: row.TargetID, ImageID: image, At: at})
	case rest.Banner:
		slug, err = tx.ShowChannelBanner(ctx, store.ShowChannelBannerParams{ID: row.TargetID, ImageID: image, At: at})
	default:
		slug, err = tx.ShowChannelThumbnail(ctx, store.ShowChannelThumbnailParams{ID: row.TargetID, ImageID: image, At: at})
	}
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return told(ctx, tx, 1, err, auth.TopicChannel, slug)
}

// hide makes a target show no image of a kind. It returns false if it shows none.
func hide(ctx context.Context, tx *db.Tx, from Target, kind string, at column.Time) (bool, error) {
	switch from.Kind {
	case targetUser:
		n, err := tx.HideUserAvatar(ctx, from.ID)
		return told(ctx, tx, n, err, auth.TopicUser, from.ID.String())
	case targetBroadcast:
		n, err := tx.HideBroadcastThumbnail(ctx, store.HideBroadcastThumbnailParams{ID: from.ID, At: at})
		return told(ctx, tx, n, err, auth.TopicBroadcast, from.ID.String())
	}
	var n int64
	var err error
	switch kind {
	case rest.Avatar:
		n, err = tx.HideChannelAvatar(ctx, store.HideChannelAvatarParams{ID: from.ID, At: at})
	case rest.Banner:
		n, err = tx.HideChannelBanner(ctx, store.HideChannelBannerParams{ID: from.ID, At: at})
	default:
		n, err = tx.HideChannelThumbnail(ctx, store.HideChannelThumbnailParams{ID: from.ID, At: at})
	}
	return told(ctx, tx, n, err, auth.TopicChannel, from.Name)
}

// told tells of a change, if n rows were changed.
func told(ctx context.Context, tx *db.Tx, n int64, err error, topic, key string) (bool, error) {
	if err != nil || n == 0 {
		return false, err
	}
	return true, tx.Notify(ctx, topic, key)
}
