package web

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Config is what Handler needs. The zero value serves a Bandstand that answers everything itself.
type Config struct {
	// MediaOrigins are further origins that players fetch playlists, media and thumbnails
	// from, such as "https://edge.example.org". They go into the content security policy as they are.
	MediaOrigins []string
}

// channelPath is the page of one channel. The client's router holds the same pattern.
var channelPath = regexp.MustCompile(`^/c/([a-z0-9-]{2,40})/?$`)

// accountPath matches the pages that mails link to. The client's router holds the same pattern.
var accountPath = regexp.MustCompile(`^/(account/(confirm|reset|forgot|restore)|signup)/?$`)

// A handler serves the built client, or plain pages where there is none.
type handler struct {
	files  assets
	policy string
}

// Handler returns the pages of the browser client: "/", "/c/{channel}" and those
// that mails link to, the files that they need, and a page with status 404 for every other path. It is to be mounted at the
// root, behind the API and the media paths. A binary without a built client gets plain pages
// that say so and tell how to watch without one.
func Handler(cfg Config) http.Handler {
	files, err := loadAssets(build())
	if err != nil {
		panic(err) // the files are part of the binary: reading them cannot fail
	}
	return newHandler(cfg, files)
}

func newHandler(cfg Config, files assets) http.Handler {
	return &handler{files: files, policy: policy(cfg.MediaOrigins)}
}

// policy returns the Content-Security-Policy of the client's page. Scripts and styles come
// from files only, except that media-chrome writes style elements into its shadow trees;
// blob: is where Media Source Extensions hand their media to the video element.
func policy(origins []string) string {
	more := ""
	if len(origins) > 0 {
		more = " " + strings.Join(origins, " ")
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"style-src-elem 'self' 'unsafe-inline'",
		"img-src 'self' data:" + more,
		"media-src 'self' blob:" + more,
		"connect-src 'self'" + more,
		"worker-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'self'",
	}, "; ")
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "same-origin")
	path := r.URL.Path
	isPage := path == "/" || channelPath.MatchString(path) || accountPath.MatchString(path)
	if !h.files.built() {
		h.servePlain(w, r, isPage)
		return
	}
	name := strings.TrimPrefix(path, "/")
	file, found := h.files[name]
	switch {
	case isPage:
		h.serveIndex(w, r, http.StatusOK)
	case found && name != index:
		h.serveFile(w, r, name, file)
	case strings.HasPrefix(name, "assets/"):
		// A page of an older build asks for a script that is gone: HTML would only confuse it.
		http.NotFound(w, r)
	default:
		h.serveIndex(w, r, http.StatusNotFound)
	}
}

// serveIndex sends the client's page, which itself shows what belongs to the path.
func (h *handler) serveIndex(w http.ResponseWriter, r *http.Request, status int) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Security-Policy", h.policy)
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	file := h.files[index]
	if status == http.StatusOK {
		send(w, r, file)
		return
	}
	w.Header().Set("Content-Type", file.contentType)
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(file.body) // a viewer who has left needs no page
	}
}

func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, name string, file asset) {
	if strings.HasPrefix(name, "assets/") { // Vite puts a hash of the content into these names
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}
	send(w, r, file)
}

// send answers with file, compressed if the client takes that, and with 304 if the client has it.
func send(w http.ResponseWriter, r *http.Request, file asset) {
	header, body, tag := w.Header(), file.body, file.etag
	if file.gzip != nil {
		header.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			header.Set("Content-Encoding", "gzip")
			body, tag = file.gzip, file.gzipETag
		}
	}
	header.Set("Content-Type", file.contentType)
	header.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether the Accept-Encoding values allow gzip. RFC 9110 12.5.3
func acceptsGzip(values []string) bool {
	for _, part := range strings.Split(strings.Join(values, ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight, _ := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(params, " ", "")), "q=")
		return strings.Trim(weight, "0.") != "" || weight == ""
	}
	return false
}
