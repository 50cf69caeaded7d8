package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

const (
	// temporary ends the names of files that are being written.
	temporary = ".tmp"
	// stranded is the age at which nobody writes such a file any more. Other nodes may
	// write to the directory too.
	stranded = 24 * time.Hour
)

func openFileURL(u *url.URL) (*Store, error) {
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("a file URL has no parameters")
	}
	switch u.Host {
	case "", "localhost":
		return openDir(filepath.FromSlash(u.Path))
	case ".":
		return openDir(filepath.FromSlash(strings.TrimPrefix(u.Path, "/")))
	}
	return nil, errors.New("a file URL has three slashes: file:///DIR")
}

func openDir(dir string) (*Store, error) {
	if dir == "" {
		return nil, errors.New("the directory has no name")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: 0o700,
		NoTempDir:   true, // files are renamed into place, which works within a file system
		Metadata:    fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, err
	}
	sweep(dir, time.Now().Add(-stranded))
	return &Store{bucket: bucket, dir: dir}, nil
}

// newFile opens a file for this user alone. Between the making of its directory and
// that of the file prune may take the directory away, so it tries again.
func (s *Store) newFile(ctx context.Context, key string, opts *blob.WriterOptions) (w *blob.Writer, err error) {
	opts.BeforeWrite = func(as func(any) bool) error {
		var f *os.File
		if as(&f) {
			return f.Chmod(0o600)
		}
		return nil
	}
	for range 10 {
		w, err = s.bucket.NewWriter(ctx, key, opts)
		if err == nil || (!errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist)) {
			break
		}
	}
	return w, err
}

// prune removes the directories of key that are empty.
func (s *Store) prune(key string) {
	if s.dir == "" {
		return
	}
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		if os.Remove(filepath.Join(s.dir, filepath.FromSlash(dir))) != nil {
			return
		}
	}
}

// sweep removes files that were being written when the program was killed. What it
// cannot remove does no harm.
func sweep(dir string, before time.Time) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close() //nolint:errcheck // nothing was written through it
	_ = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !strings.HasSuffix(name, temporary) {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.ModTime().Before(before) {
			_ = root.Remove(name)
		}
		return nil
	})
}

func pingDir(dir string) error {
	f, err := os.CreateTemp(dir, "ping-*"+temporary)
	if err != nil {
		return fmt.Errorf("blob: ping: %w", err)
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("blob: ping: %w", err)
	}
	return nil
}
