package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strings"
)

// index is the client's only HTML file; it draws every page.
const index = "index.html"

// An asset is one file of the client, ready to be sent. It does not change.
type asset struct {
	contentType string
	body        []byte
	etag        string // quoted
	gzip        []byte // body compressed, or nil if that does not pay
	gzipETag    string // quoted; another representation needs another tag
}

// An assets holds the files of a built client by their path below "/".
type assets map[string]asset

// contentTypes lists what a build consists of. The operating system's table,
// which mime would also ask, differs from machine to machine.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/x-icon",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".webp":  "image/webp",
	".woff2": "font/woff2",
}

// loadAssets reads all files of fsys except hidden ones. A file with ".gz" added to
// its name is the compressed form of the file without.
func loadAssets(fsys fs.FS) (assets, error) {
	files := assets{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return nil
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		plain, compressed := strings.CutSuffix(name, ".gz")
		file := files[plain]
		if compressed {
			file.gzip, file.gzipETag = body, etag(body)
		} else {
			file.body, file.etag, file.contentType = body, etag(body), contentType(name)
		}
		files[plain] = file
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: read the built client: %w", err)
	}
	return files, nil
}

// built reports whether a client was built into the binary.
func (a assets) built() bool {
	return len(a[index].body) > 0
}

func contentType(name string) string {
	ext := path.Ext(name)
	if known, ok := contentTypes[ext]; ok {
		return known
	}
	if known := mime.TypeByExtension(ext); known != "" {
		return known
	}
	return "application/octet-stream"
}

// etag returns a strong entity tag for body.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}
