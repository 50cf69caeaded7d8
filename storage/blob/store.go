// Package blob keeps bytes under keys, in a directory, in memory or in S3: pictures,
// segments, recordings. All three behave the same.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

// ErrNotFound is the error of a key under which there is nothing.
var ErrNotFound = errors.New("blob: not found")

// Store is an open store. Its methods may be called at the same time. What Put has
// returned from is seen by whoever asks afterwards, and outlives the program.
type Store struct {
	bucket *blob.Bucket
	dir    string // where the files are; empty if this is not a directory
}

// Open opens the store at rawURL, which is
//
//   - file:///DIR, file://./DIR or a bare path: a directory, made if it is missing,
//     for this user alone;
//   - mem:// for one that ends with the program;
//   - s3://BUCKET?region=…&endpoint=…&use_path_style=true&prefix=…, with credentials
//     from where the tools of AWS look for them, never in the URL. The bucket exists.
//
// Whether the store answers is not asked: see Ping. The caller must Close it.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	s, err := open(ctx, rawURL)
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, rawURL string) (*Store, error) {
	if !strings.Contains(rawURL, "://") {
		return openDir(rawURL)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("this is not a URL")
	}
	if u.User != nil {
		return nil, errors.New("the URL holds credentials: put them into the environment")
	}
	switch u.Scheme {
	case "file":
		return openFileURL(u)
	case "mem":
		return &Store{bucket: memblob.OpenBucket(nil)}, nil
	case "s3":
		mux := new(blob.URLMux) // it knows the parameter prefix
		mux.RegisterBucket("s3", &s3blob.URLOpener{})
		bucket, err := mux.OpenBucketURL(ctx, u)
		if err != nil {
			return nil, err
		}
		return &Store{bucket: bucket}, nil
	}
	return nil, fmt.Errorf("no store speaks %q: want file, mem or s3", u.Scheme)
}

// Close ends the store. Readers must have been closed.
func (s *Store) Close() error { return s.bucket.Close() }

// Ping reports whether the store can be read and, if it is a directory, written.
func (s *Store) Ping(ctx context.Context) error {
	if s.dir != "" {
		return pingDir(s.dir)
	}
	ok, err := s.bucket.IsAccessible(ctx)
	if err == nil && !ok {
		err = errors.New("there is no such bucket")
	}
	if err != nil {
		return fmt.Errorf("blob: ping: %w", err)
	}
	return nil
}

// Put stores all of r under key in place of what was there. Readers see the one or
// the other, whole. If it fails what was there stays; an error of r comes back
// wrapped.
func (s *Store) Put(ctx context.Context, key, contentType string, r io.Reader) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.newWriter(ctx, key, contentType)
	if err != nil {
		return fmt.Errorf("blob: put: %w", err)
	}
	if _, err := io.Copy(w, r); err != nil {
		cancel() // or Close would keep the part that there is
		_ = w.Close()
		return fmt.Errorf("blob: put: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("blob: put: %w", err)
	}
	return nil
}

func (s *Store) newWriter(ctx context.Context, key, contentType string) (*blob.Writer, error) {
	opts := &blob.WriterOptions{ContentType: contentType, DisableContentTypeDetection: true}
	if s.dir != "" {
		return s.newFile(ctx, key, opts)
	}
	return s.bucket.NewWriter(ctx, key, opts)
}

// Get returns what is under key, for http.ServeContent too. The caller must close
// the reader; ctx must last as long. Nothing there is ErrNotFound.
func (s *Store) Get(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	return s.reader(ctx, key, 0, -1)
}

// Range returns up to length bytes from offset on of what is under key; to its end if
// length is negative, and nothing beyond that. The caller must close the reader; ctx
// must last as long. Nothing there is ErrNotFound.
func (s *Store) Range(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, errors.New("blob: the offset is negative")
	}
	if length == 0 { // which S3 cannot be asked for
		if _, _, err := s.Stat(ctx, key); err != nil {
			return nil, err
		}
		return io.NopCloser(strings.NewReader("")), nil
	}
	r, err := s.reader(ctx, key, offset, length)
	if api := smithy.APIError(nil); errors.As(err, &api) && api.ErrorCode() == "InvalidRange" {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return r, err
}

func (s *Store) reader(ctx context.Context, key string, offset, length int64) (io.ReadSeekCloser, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	r, err := s.bucket.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, failure("get", err)
	}
	return r, nil
}

// Stat returns how many bytes are under key and since when. Nothing there is
// ErrNotFound.
func (s *Store) Stat(ctx context.Context, key string) (size int64, modified time.Time, err error) {
	if err := CheckKey(key); err != nil {
		return 0, time.Time{}, err
	}
	a, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return 0, time.Time{}, failure("stat", err)
	}
	return a.Size, a.ModTime, nil
}

// Exists reports whether there is something under key.
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	_, _, err := s.Stat(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Delete removes what is under key. If there is nothing, nothing is done.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	err := s.bucket.Delete(ctx, key)
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("blob: delete: %w", err)
	}
	s.prune(key)
	return nil
}

// List calls each for every key that begins with prefix, in any order, until it returns
// an error, which comes back unchanged.
func (s *Store) List(ctx context.Context, prefix string, each func(key string, size int64, modified time.Time) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	for it := s.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
		object, err := it.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("blob: list: %w", err)
		case CheckKey(object.Key) != nil:
			continue // a file that is being written, or somebody else's
		}
		if err := each(object.Key, object.Size, object.ModTime); err != nil {
			return err
		}
	}
}

// failure wraps an error of a bucket.
func failure(what string, err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return ErrNotFound
	}
	return fmt.Errorf("blob: %s: %w", what, err)
}
