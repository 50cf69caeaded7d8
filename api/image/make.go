package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/api/rest"
	"bandstand/storage/blob"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// MakeArgs is the job of making an image in its sizes and showing it.
type MakeArgs struct {
	Image uuid.UUID `json:"image"`
}

// Kind implements river.JobArgs.
func (MakeArgs) Kind() string { return "image" }

// Maker is the worker that makes images.
type Maker struct {
	river.WorkerDefaults[MakeArgs]

	service *Service
}

// Maker returns the worker that makes images.
func (s *Service) Maker() *Maker { return &Maker{service: s} }

// Timeout implements river.Worker.
func (m *Maker) Timeout(*river.Job[MakeArgs]) time.Duration { return 2 * time.Minute }

// Work makes an image. A picture that will not do is not tried again; all else is.
func (m *Maker) Work(ctx context.Context, job *river.Job[MakeArgs]) error {
	s, id := m.service, job.Args.Image
	row, err := s.cfg.DB.Read().ImageByID(ctx, id)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return s.clear(ctx, id)
	case err != nil:
		return fmt.Errorf("image: read what to make: %w", err)
	case row.State == stateReplaced:
		return s.remove(ctx, id)
	case row.State != statePending: // done before, but perhaps not cleared up
		return s.clearSource(ctx, id)
	}
	variants, err := s.makeVariants(ctx, &row)
	if o := refusalOf(err); o != nil {
		return s.fail(ctx, id, o)
	}
	if err != nil {
		if job.JobRow != nil && job.Attempt >= job.MaxAttempts && ctx.Err() == nil {
			return errors.Join(err, s.fail(ctx, id, ErrNotMade))
		}
		return err
	}
	return s.finish(ctx, &row, variants)
}

// makeVariants keeps an image in all of its sizes and returns how many bytes each has,
// by name.
func (s *Service) makeVariants(ctx context.Context, row *store.Image) (map[string]int, error) {
	picture, err := s.read(ctx, row.SourceKey)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, lost{}
	}
	if err != nil {
		return nil, fmt.Errorf("image: read an upload: %w", err)
	}
	variants := map[string]int{}
	begun := time.Now()
	err = s.cfg.Pictures.Variants(ctx, picture, shapeOf(row.Kind), rest.PictureWidths(row.Kind),
		func(width int, mediaType string, data []byte) error {
			name := strconv.Itoa(width) + "." + extensions[mediaType]
			if err := s.cfg.Blobs.Put(ctx, folder(row.ID)+name, mediaType, bytes.NewReader(data)); err != nil {
				return fmt.Errorf("image: keep a size: %w", err)
			}
			variants[name] = len(data)
			return nil
		})
	if err != nil {
		return nil, err
	}
	s.metrics.seconds.Observe(time.Since(begun).Seconds())
	return variants, nil
}

// shapeOf returns the kind of picture whose shape those of a kind have.
func shapeOf(kind string) string {
	if kind == rest.Emote {
		return rest.Avatar
	}
	return kind
}

// lost is the failure of an upload that the store has lost.
type lost struct{}

// Error implements error.
func (lost) Error() string { return "image: the upload is lost" }

// Problem makes it final.
func (lost) Problem() (code, reason string) { return "broken", "the upload is lost" }

func (s *Service) read(ctx context.Context, key string) ([]byte, error) {
	r, err := s.cfg.Blobs.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	return io.ReadAll(io.LimitReader(r, MaxBytes+1))
}

// finish shows an image whose sizes are kept, unless a newer one is shown or there is
// nothing any more that could show it.
func (s *Service) finish(ctx context.Context, row *store.Image, variants map[string]int) error {
	doc, err := json.Marshal(variants)
	if err != nil {
		return fmt.Errorf("image: encode: %w", err)
	}
	shown := false
	at := column.At(s.cfg.Now())
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		n, err := tx.ImageReady(ctx, store.ImageReadyParams{ID: row.ID, Variants: doc, At: at})
		if err != nil || n == 0 { // removed meanwhile
			return err
		}
		if shown, err = show(ctx, tx, row, at); err != nil {
			return err
		}
		if !shown {
			_, err := tx.ImageReplaced(ctx, store.ImageReplacedParams{ID: row.ID, At: at})
			return err
		}
		return s.replaceOlder(ctx, tx, row, at)
	})
	if err != nil {
		return fmt.Errorf("image: finish: %w", err)
	}
	if !shown {
		s.metrics.images.WithLabelValues(outcomeLate).Inc()
		return s.remove(ctx, row.ID)
	}
	s.metrics.images.WithLabelValues(outcomeReady).Inc()
	return s.clearSource(ctx, row.ID)
}

// replaceOlder marks what was shown before, to be removed when no page shows it any
// more.
func (s *Service) replaceOlder(ctx context.Context, tx *db.Tx, row *store.Image, at column.Time) error {
	older, err := tx.ReplaceOlderImages(ctx, store.ReplaceOlderImagesParams{
		TargetID: row.TargetID, TargetKind: row.TargetKind, Kind: row.Kind, ID: row.ID, At: at,
	})
	if err != nil {
		return err
	}
	for _, id := range older {
		err := s.cfg.Jobs.Insert(ctx, tx, CleanArgs{id}, &river.InsertOpts{ScheduledAt: at.Add(s.cfg.Linger)})
		if err != nil {
			return err
		}
	}
	return nil
}

// fail notes why an image will never be ready.
func (s *Service) fail(ctx context.Context, id uuid.UUID, why *rest.Outcome) error {
	_, err := s.cfg.DB.Write().ImageFailed(ctx, store.ImageFailedParams{ID: id, Problem: why.Code, At: column.At(s.cfg.Now())})
	if err != nil {
		return fmt.Errorf("image: note a failure: %w", err)
	}
	s.metrics.images.WithLabelValues(outcomeFailed).Inc()
	return s.clear(ctx, id)
}
