package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"bandstand/api/rest"
	"bandstand/storage/blob"
	"bandstand/storage/db"
)

// FilesPath is where the handler of files is.
const FilesPath = "/images/"

const (
	filesCacheBytes = 64 << 20
	filesTTL        = 10 * time.Minute // in memory: then what was removed is gone, even if nobody was told
	filesTimeout    = 10 * time.Second // to read one
)

// FilesConfig is what a Files needs. Fields without a default are required.
type FilesConfig struct {
	Blobs      Blobs
	DB         *db.DB // tells of images that are removed; nobody does if nil
	CacheBytes int64  // of files in memory; 64 MiB if zero
	Now        func() time.Time
	Logger     *slog.Logger
}

// Files serves pictures at /images/ID/WIDTH.webp and .jpg. What is there never changes.
type Files struct {
	cfg   FilesConfig
	cache *otter.Cache[string, file]
}

// file is a picture file in memory.
type file struct {
	data []byte
	read time.Time
}

// NewFiles returns a Files.
func NewFiles(cfg FilesConfig) (*Files, error) {
	if cfg.Blobs == nil || cfg.Logger == nil {
		return nil, errors.New("image: files need blobs and a logger")
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = filesCacheBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cache, err := otter.New(&otter.Options[string, file]{
		MaximumWeight: uint64(cfg.CacheBytes),
		Weigher:       func(key string, f file) uint32 { return uint32(len(key) + len(f.data) + 100) },
	})
	if err != nil {
		return nil, fmt.Errorf("image: files: %w", err)
	}
	f := &Files{cfg: cfg, cache: cache}
	if cfg.DB != nil {
		cfg.DB.Subscribe(topicBlobs, f.forget, cache.InvalidateAll)
	}
	return f, nil
}

// forget drops the files of an image from memory.
func (f *Files) forget(id string) {
	for _, width := range widths {
		for _, extension := range extensions {
			f.cache.Invalidate(prefix + id + "/" + strconv.Itoa(width) + "." + extension)
		}
	}
}

// widths are those of all kinds.
var widths = slices.Concat(rest.PictureWidths(rest.Avatar), rest.PictureWidths(rest.Banner), rest.PictureWidths(rest.Thumbnail), rest.PictureWidths(rest.Emote))

// ServeHTTP implements http.Handler.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		problem(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "pictures can only be read here")
		return
	}
	key, mediaType, ok := keyOf(r.URL.Path)
	if !ok {
		problem(w, r, http.StatusNotFound, ErrNotFound.Code, ErrNotFound.Detail)
		return
	}
	data, err := f.get(r.Context(), key)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		problem(w, r, http.StatusNotFound, ErrNotFound.Code, ErrNotFound.Detail)
		return
	case err != nil:
		if r.Context().Err() == nil {
			f.cfg.Logger.ErrorContext(r.Context(), "a picture cannot be read", "err", err)
		}
		h.Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
		problem(w, r, http.StatusServiceUnavailable, ErrNoStore.Code, "pictures cannot be read at the moment: try again")
		return
	}
	etag := `"` + strings.ReplaceAll(strings.TrimPrefix(key, prefix), "/", "-") + `"`
	h.Set("ETag", etag)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if noneMatch(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		w.Write(data) //nolint:gosec // a picture encoded here, of a type that is fixed
	}
}

// keyOf returns under which key the file at a path is.
func keyOf(path string) (key, mediaType string, ok bool) {
	path, ok = strings.CutPrefix(path, FilesPath)
	name, size, _ := strings.Cut(path, "/")
	id, err := uuid.Parse(name)
	if !ok || err != nil || id.String() != name {
		return "", "", false
	}
	for _, width := range widths {
		for mediaType, extension := range extensions {
			if size == strconv.Itoa(width)+"."+extension {
				return folder(id) + size, mediaType, true
			}
		}
	}
	return "", "", false
}

// noneMatch reports whether an If-None-Match names etag. RFC 9110 13.1.2.
func noneMatch(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// get returns a file, from memory if it is there.
func (f *Files) get(ctx context.Context, key string) ([]byte, error) {
	if had, ok := f.cache.GetIfPresent(key); ok {
		if f.cfg.Now().Sub(had.read) < filesTTL {
			return had.data, nil
		}
		f.cache.Invalidate(key)
	}
	got, err := f.cache.Get(ctx, key, otter.LoaderFunc[string, file](f.load))
	return got.data, err
}

// load reads a file. Others may wait for it too, so it does not end with the request
// that asked first.
func (f *Files) load(ctx context.Context, key string) (file, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), filesTimeout)
	defer cancel()
	at := f.cfg.Now()
	r, err := f.cfg.Blobs.Get(ctx, key)
	if err != nil {
		return file{}, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(r)
	if err != nil {
		return file{}, err
	}
	return file{data, at}, nil
}

// problem says what is wrong, as the API does. RFC 9457.
func problem(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{"/api/problems/" + code, http.StatusText(status), status, code, detail})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}
