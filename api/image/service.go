// Package image takes pictures from people, makes them in the sizes that pages show,
// and serves these: avatars of people and channels, banners, thumbnails and emotes.
//
// An upload is kept as it is and a job is written down; the job makes the sizes, shows
// the image in place of the one before, and clears up. What nobody shows any more is
// removed a while later. A picture is only ever served as it was encoded here.
package image

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// MaxBytes is the largest picture file that is taken.
const MaxBytes = 10 << 20

// Blobs keeps bytes under keys.
type Blobs interface {
	// Put stores all of r under key in place of what was there.
	Put(ctx context.Context, key, contentType string, r io.Reader) error
	// Get returns what is under key; blob.ErrNotFound if nothing is.
	Get(ctx context.Context, key string) (io.ReadSeekCloser, error)
	// Delete removes what is under key, if anything.
	Delete(ctx context.Context, key string) error
	// List calls each for every key that begins with prefix.
	List(ctx context.Context, prefix string, each func(key string, size int64, modified time.Time) error) error
}

// Pictures reads and encodes pictures. A picture that will not do, now or later, is an
// error with a method Problem, whose code is "format", "bytes", "pixels", "broken" or
// "content".
type Pictures interface {
	// Check reports whether a picture will do, without decoding it.
	Check(picture []byte) error
	// Variants calls each with the picture in every width, as WebP and as JPEG.
	Variants(ctx context.Context, picture []byte, kind string, widths []int,
		each func(width int, mediaType string, data []byte) error) error
}

// Jobs takes work that is done in the background.
type Jobs interface {
	// Insert adds a job in tx: it runs once tx is committed.
	Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB       *db.DB
	Blobs    Blobs
	Pictures Pictures
	Jobs     Jobs
	// Queue is where jobs that make pictures wait; river's default if empty.
	Queue string
	// MaxPending is how many images of one person may be worked on; 20 if zero.
	MaxPending int
	// MaxUploads is how many are received at once, each into memory, and how many of
	// them from one person; 16 and 2 if zero.
	MaxUploads, MaxUploadsEach int
	// Linger is how long an image stays that has been replaced: pages that are open
	// show it; an hour if zero.
	Linger     time.Duration
	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service holds the rules of images. It is safe for concurrent use.
type Service struct {
	cfg     Config
	uploads *uploads
	metrics *metrics
}

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Blobs == nil || cfg.Pictures == nil || cfg.Jobs == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return nil, errors.New("image: a database, blobs, pictures, jobs, a logger and a registerer are required")
	}
	if cfg.MaxPending == 0 {
		cfg.MaxPending = 20
	}
	if cfg.MaxUploads == 0 {
		cfg.MaxUploads = 16
	}
	if cfg.MaxUploadsEach == 0 {
		cfg.MaxUploadsEach = 2
	}
	if cfg.Linger == 0 {
		cfg.Linger = time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{
		cfg: cfg, uploads: newUploads(cfg.MaxUploads, cfg.MaxUploadsEach), metrics: newMetrics(cfg.Registerer),
	}, nil
}

// States of an image.
const (
	statePending  = "pending"  // it is being made
	stateReady    = "ready"    // it is shown
	stateFailed   = "failed"   // it will never be
	stateReplaced = "replaced" // it is shown no more, or never was
)

// Kinds of targets.
const (
	targetUser      = "user"
	targetChannel   = "channel"
	targetBroadcast = "broadcast"
	targetEmote     = "emote"
)

// Target is what shows an image.
type Target struct {
	Kind string // "user", "channel", "broadcast" or "emote"
	ID   uuid.UUID
	Name string // for people
}

// Image is a picture that somebody has sent.
type Image struct {
	ID        uuid.UUID
	Kind      string
	State     string
	Problem   *rest.Outcome // why it failed; nil if it did not
	CreatedAt time.Time
}

func imageOf(row *store.Image) Image {
	i := Image{ID: row.ID, Kind: row.Kind, State: row.State, CreatedAt: row.CreatedAt.Time}
	if row.State == stateFailed {
		i.Problem = problemOf(row.Problem)
	}
	return i
}

const prefix = "images/"

// folder returns where the blobs of an image are.
func folder(id uuid.UUID) string { return prefix + id.String() + "/" }

// sourceKey returns where an image is as it was sent.
func sourceKey(id uuid.UUID) string { return folder(id) + "source" }

// extensions are the endings of files, by media type.
var extensions = map[string]string{"image/webp": "webp", "image/jpeg": "jpg"}
