package image

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// retryAfter is when to ask again for what is refused for now.
const retryAfter = 10 * time.Second

// attempts is how often a job tries to make an image: for four hours.
const attempts = 10

// Upload keeps a picture that is to be shown by to, and has its sizes made. The
// outcomes are ErrTooMany, ErrNoStore and those of pictures that will not do.
func (s *Service) Upload(ctx context.Context, to Target, kind string, picture []byte) (Image, error) {
	if err := s.cfg.Pictures.Check(picture); err != nil {
		if o := refusalOf(err); o != nil {
			s.metrics.images.WithLabelValues(outcomeRefused).Inc()
			return Image{}, o
		}
		return Image{}, fmt.Errorf("image: check a picture: %w", err)
	}
	if err := s.checkPending(ctx, s.cfg.DB.Read()); err != nil { // before anything is written
		return Image{}, err
	}
	id, err := s.newID(ctx, to, kind)
	if err != nil {
		return Image{}, err
	}
	if err := s.cfg.Blobs.Put(ctx, sourceKey(id), "application/octet-stream", bytes.NewReader(picture)); err != nil {
		if ctx.Err() != nil {
			return Image{}, fmt.Errorf("image: keep an upload: %w", ctx.Err())
		}
		s.cfg.Logger.ErrorContext(ctx, "an upload cannot be kept", "err", err)
		return Image{}, rest.Later(ErrNoStore, retryAfter)
	}
	at := column.At(s.cfg.Now())
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error { return s.create(ctx, tx, to, kind, id, at) })
	if err != nil {
		s.discard(ctx, id)
		return Image{}, err
	}
	return Image{ID: id, Kind: kind, State: statePending, CreatedAt: at.Time}, nil
}

// create writes down an image whose source is kept, and the job that makes it.
func (s *Service) create(ctx context.Context, tx *db.Tx, to Target, kind string, id uuid.UUID, at column.Time) error {
	if err := s.checkPending(ctx, tx.Queries); err != nil {
		return err
	}
	by := auth.User(ctx).UserID
	err := tx.CreateImage(ctx, store.CreateImageParams{
		ID: id, Kind: kind, TargetKind: to.Kind, TargetID: to.ID, SourceKey: sourceKey(id),
		CreatedBy: uuid.NullUUID{UUID: by, Valid: by != uuid.Nil}, At: at,
	})
	if err != nil {
		return fmt.Errorf("image: create: %w", err)
	}
	if err := s.audit(ctx, tx, to, "put", kind, at); err != nil {
		return err
	}
	return s.cfg.Jobs.Insert(ctx, tx, MakeArgs{id}, &river.InsertOpts{Queue: s.cfg.Queue, MaxAttempts: attempts})
}

// checkPending is ErrTooMany if as many images as may be of whoever ctx speaks for are
// worked on.
func (s *Service) checkPending(ctx context.Context, q *store.Queries) error {
	n, err := q.CountPendingImagesOf(ctx, uuid.NullUUID{UUID: auth.User(ctx).UserID, Valid: true})
	if err != nil {
		return fmt.Errorf("image: count: %w", err)
	}
	if n >= int64(s.cfg.MaxPending) {
		return rest.Later(ErrTooMany, retryAfter)
	}
	return nil
}

// newID returns an id that is greater than those of earlier images of the target, even
// if the clock of the node that made them is ahead.
func (s *Service) newID(ctx context.Context, to Target, kind string) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("image: make an id: %w", err)
	}
	latest, err := s.cfg.DB.Read().LatestImageOf(ctx, store.LatestImageOfParams{TargetID: to.ID, Kind: kind})
	switch {
	case errors.Is(err, db.ErrNotFound):
		return id, nil
	case err != nil:
		return uuid.Nil, fmt.Errorf("image: ask for the latest: %w", err)
	}
	return after(id, latest), nil
}

// after returns id with its time, if need be, moved on to a millisecond after that of
// latest. RFC 9562 5.7.
func after(id, latest uuid.UUID) uuid.UUID {
	if bytes.Compare(id[:], latest[:]) > 0 {
		return id
	}
	const versionBits = 16
	next := binary.BigEndian.Uint64(latest[:8])>>versionBits + 1
	version := uint64(binary.BigEndian.Uint16(id[6:8]))
	binary.BigEndian.PutUint64(id[:8], next<<versionBits|version)
	return id
}

// discard removes the source of an image that has come to nothing. If it fails, the
// blob is found by the sweep.
func (s *Service) discard(ctx context.Context, id uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := s.cfg.Blobs.Delete(ctx, sourceKey(id)); err != nil {
		s.cfg.Logger.WarnContext(ctx, "an upload that came to nothing cannot be removed", "image", id, "err", err)
	}
}

// Remove makes from show no image of a kind, nor any that is being made. If there is
// none, nothing is done.
func (s *Service) Remove(ctx context.Context, from Target, kind string) error {
	at := column.At(s.cfg.Now())
	return s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		hidden, err := hide(ctx, tx, from, kind, at)
		if err != nil {
			return fmt.Errorf("image: hide: %w", err)
		}
		replaced, err := tx.ReplaceImagesOf(ctx, store.ReplaceImagesOfParams{
			TargetID: from.ID, TargetKind: from.Kind, Kind: kind, At: at,
		})
		if err != nil {
			return fmt.Errorf("image: remove: %w", err)
		}
		for _, id := range replaced {
			if err := s.cfg.Jobs.Insert(ctx, tx, CleanArgs{id}, nil); err != nil {
				return err
			}
		}
		if !hidden && len(replaced) == 0 {
			return nil
		}
		return s.audit(ctx, tx, from, "delete", kind, at)
	})
}

// audit notes what was done to the pictures of channels: deletions, and whatever staff
// do there.
func (s *Service) audit(ctx context.Context, tx *db.Tx, of Target, verb, kind string, at column.Time) error {
	if of.Kind == targetUser || (verb == "put" && auth.AccessOf(ctx).Role != 0) {
		return nil
	}
	return auth.Audit(ctx, tx, at.Time, auth.Action{
		Name: of.Kind + "." + verb + "_" + kind, TargetKind: of.Kind, TargetID: of.ID.String(), Target: of.Name,
	})
}

// Get returns an image. One that is not ready is there for whoever has sent it, and
// for staff; for others it is ErrNotFound.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Image, error) {
	row, err := s.cfg.DB.Read().ImageByID(ctx, id)
	if errors.Is(err, db.ErrNotFound) {
		return Image{}, ErrNotFound
	}
	if err != nil {
		return Image{}, fmt.Errorf("image: get: %w", err)
	}
	p := auth.User(ctx)
	if row.State != stateReady && !p.IsStaff() && (!p.IsUser() || row.CreatedBy.UUID != p.UserID) {
		return Image{}, ErrNotFound
	}
	return imageOf(&row), nil
}

// refusalOf returns the outcome of a picture that will not do; nil if err is something
// else.
func refusalOf(err error) *rest.Outcome {
	var refusal interface{ Problem() (code, reason string) }
	if !errors.As(err, &refusal) {
		return nil
	}
	code, _ := refusal.Problem()
	if o := refusals[code]; o != nil {
		return o
	}
	return ErrBroken
}
