package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// client returns a handler over a small build.
func client(t *testing.T, cfg Config) http.Handler {
	t.Helper()
	files, err := loadAssets(fstest.MapFS{
		".keep":                  {},
		"index.html":             {Data: []byte("<!doctype html>client")},
		"index.html.gz":          {Data: []byte("page, small")},
		"favicon.svg":            {Data: []byte("<svg/>")},
		"assets/main-1a2b.js":    {Data: []byte("let x = 1")},
		"assets/main-1a2b.js.gz": {Data: []byte("script, small")},
	})
	require.NoError(t, err)
	return newHandler(cfg, files)
}

// noClient returns a handler over a checkout on which nothing was built.
func noClient(t *testing.T) http.Handler {
	t.Helper()
	files, err := loadAssets(fstest.MapFS{".keep": {}})
	require.NoError(t, err)
	return newHandler(Config{}, files)
}

// get asks h; headers come in pairs of name and value.
func get(t *testing.T, h http.Handler, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func TestClientPaths(t *testing.T) {
	t.Parallel()
	const page, script = "<!doctype html>client", "let x = 1"
	tests := map[string]struct {
		path   string
		status int
		body   string
		cache  string
	}{
		"home":                       {"/", 200, page, "no-cache"},
		"channel":                    {"/c/demo", 200, page, "no-cache"},
		"channel with slash":         {"/c/demo/", 200, page, "no-cache"},
		"query is the client's":      {"/c/demo?t=1", 200, page, "no-cache"},
		"confirming an address":      {"/account/confirm", 200, page, "no-cache"},
		"choosing a password":        {"/account/reset", 200, page, "no-cache"},
		"forgetting a password":      {"/account/forgot", 200, page, "no-cache"},
		"restoring an account":       {"/account/restore/", 200, page, "no-cache"},
		"signing up":                 {"/signup", 200, page, "no-cache"},
		"no such account page":       {"/account/elsewhere", 404, page, "no-cache"},
		"below signing up":           {"/signup/more", 404, page, "no-cache"},
		"hashed file":                {"/assets/main-1a2b.js", 200, script, "public, max-age=31536000, immutable"},
		"file with a lasting name":   {"/favicon.svg", 200, "<svg/>", "public, max-age=3600"},
		"impossible slug":            {"/c/Not_A_Slug", 404, page, "no-cache"},
		"below a channel":            {"/c/demo/more", 404, page, "no-cache"},
		"unknown path":               {"/elsewhere", 404, page, "no-cache"},
		"index has one address":      {"/index.html", 404, page, "no-cache"},
		"file of another build":      {"/assets/main-9z.js", 404, "404 page not found\n", ""},
		"compressed form by name":    {"/assets/main-1a2b.js.gz", 404, "404 page not found\n", ""},
		"hidden file":                {"/.keep", 404, page, "no-cache"},
		"climbing out of the client": {"/assets/../../embed.go", 404, "404 page not found\n", ""},
	}
	h := client(t, Config{})
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body := get(t, h, http.MethodGet, tc.path)
			assert.Equal(t, tc.status, res.StatusCode)
			assert.Equal(t, tc.body, body)
			assert.Equal(t, tc.cache, res.Header.Get("Cache-Control"))
			assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
		})
	}
}

func TestClientIsSentCompressed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		accept string
		gzip   bool
	}{
		"all of it":       {"gzip, deflate, br", true},
		"capitals":        {"GZIP", true},
		"with a weight":   {"br;q=1.0, gzip; q=0.8", true},
		"refused":         {"gzip;q=0, identity", false},
		"refused at last": {"gzip;q=0.000", false},
		"not mentioned":   {"br", false},
		"nothing said":    {"", false},
	}
	h := client(t, Config{})
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body := get(t, h, http.MethodGet, "/assets/main-1a2b.js", "Accept-Encoding", tc.accept)
			want, encoding := "let x = 1", ""
			if tc.gzip {
				want, encoding = "script, small", "gzip"
			}
			assert.Equal(t, want, body)
			assert.Equal(t, encoding, res.Header.Get("Content-Encoding"))
			assert.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
			assert.Equal(t, "text/javascript; charset=utf-8", res.Header.Get("Content-Type"))
		})
	}
}

func TestClientIsSentOnce(t *testing.T) {
	t.Parallel()
	h := client(t, Config{})
	for _, encoding := range []string{"", "gzip"} {
		first, _ := get(t, h, http.MethodGet, "/c/demo", "Accept-Encoding", encoding)
		tag := first.Header.Get("ETag")
		require.NotEmpty(t, tag)
		again, body := get(t, h, http.MethodGet, "/c/demo", "Accept-Encoding", encoding, "If-None-Match", tag)
		assert.Equal(t, http.StatusNotModified, again.StatusCode)
		assert.Empty(t, body)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.Handler{"with client": client(t, Config{}), "without": noClient(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body := get(t, h, http.MethodHead, "/")
			assert.Equal(t, http.StatusOK, res.StatusCode)
			assert.Empty(t, body)
			res, body = get(t, h, http.MethodHead, "/elsewhere")
			assert.Equal(t, http.StatusNotFound, res.StatusCode)
			assert.Empty(t, body)
			res, _ = get(t, h, http.MethodPost, "/")
			assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
			assert.Equal(t, "GET, HEAD", res.Header.Get("Allow"))
		})
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	directives := func(cfg Config) map[string]string {
		res, _ := get(t, client(t, cfg), http.MethodGet, "/")
		found := map[string]string{}
		for _, d := range strings.Split(res.Header.Get("Content-Security-Policy"), "; ") {
			name, value, _ := strings.Cut(d, " ")
			found[name] = value
		}
		return found
	}
	own := directives(Config{})
	assert.Equal(t, "'none'", own["default-src"])
	assert.Equal(t, "'self'", own["script-src"])
	assert.Equal(t, "'self'", own["connect-src"])
	assert.Equal(t, "'self' blob:", own["media-src"])
	edges := directives(Config{MediaOrigins: []string{"https://a.example", "https://b.example"}})
	assert.Equal(t, "'self' https://a.example https://b.example", edges["connect-src"])
	assert.Equal(t, "'self' blob: https://a.example https://b.example", edges["media-src"])
	assert.Equal(t, "'self'", edges["script-src"])
}

func TestPagesWithoutClient(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path   string
		status int
		want   string
		never  string
	}{
		"home says what is missing":  {"/", 200, "built without its web client", "leads to no page"},
		"home says how to build":     {"/", 200, "./scripts/build", "leads to no page"},
		"channel gives its playlist": {"/c/demo", 200, `href="/live/demo/index.m3u8"`, "leads to no page"},
		"unknown path":               {"/elsewhere", 404, "leads to no page", ".m3u8"},
		"markup in a path":           {"/c/%3Cscript%3E", 404, "leads to no page", "<script"},
		"placeholder of the build":   {"/.keep", 404, "leads to no page", ".m3u8"},
		"style":                      {"/plain.css", 200, "color-scheme", "<"},
	}
	h := noClient(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, body := get(t, h, http.MethodGet, tc.path)
			assert.Equal(t, tc.status, res.StatusCode)
			assert.Contains(t, body, tc.want)
			assert.NotContains(t, body, tc.never)
			assert.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'")
		})
	}
}

func TestHandlerServesThisBinary(t *testing.T) {
	t.Parallel()
	res, body := get(t, Handler(Config{}), http.MethodGet, "/")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, body, "Bandstand")
}
