package image_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/storage/db/dbtest"
	"bandstand/transcode/still/stilltest"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	ada := r.Person("ada", auth.RoleUser)
	id := r.put(avatarPath, ada.Token, stilltest.PNG(t, 100, 100, red))
	r.work()
	path := "/images/" + id.String() + "/"

	resp, body := r.file("GET", path+"64.webp")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.True(t, strings.HasPrefix(string(body), "RIFF"))
	for name, want := range map[string]string{
		"Content-Type":            "image/webp",
		"Cache-Control":           "public, max-age=31536000, immutable",
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		assert.Equal(t, want, resp.Header.Get(name))
	}
	assert.EqualValues(t, len(body), resp.ContentLength)
	etag := resp.Header.Get("ETag")
	require.NotEmpty(t, etag)

	for header, status := range map[string]int{
		etag: 304, "W/" + etag: 304, `"x", ` + etag: 304, "*": 304, `"x"`: 200,
	} {
		resp, body = r.file("GET", path+"64.webp", "If-None-Match", header)
		assert.Equal(t, status, resp.StatusCode, header)
		assert.Equal(t, etag, resp.Header.Get("ETag"))
		assert.Equal(t, status == 304, len(body) == 0)
	}
	resp, body = r.file("HEAD", path+"512.jpg")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "image/jpeg", resp.Header.Get("Content-Type"))
	assert.Positive(t, resp.ContentLength)
	assert.Empty(t, body)
	assert.NotEqual(t, etag, resp.Header.Get("ETag"))

	resp, _ = r.file("POST", path+"64.webp")
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	assert.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))

	for _, bad := range []string{
		path, path + "source", path + "65.webp", path + "64.png", path + "064.webp", path + "64.webp/", path + "64.webp?", path + "1920.webp",
		"/images/", "/images/" + strings.ToUpper(id.String()) + "/64.webp", "/images/{" + id.String() + "}/64.webp",
		"/images/" + uuid.NewString() + "/64.webp", "/images/../" + id.String() + "/64.webp", "/images/%2e%2e/" + id.String() + "/64.webp",
		path + "%2e%2e/source", path + "..%2fsource", "/images/" + strings.ReplaceAll(id.String(), "-", "") + "/64.webp", "/other/" + id.String() + "/64.webp",
	} {
		resp, body := r.file("GET", bad)
		if bad == path+"64.webp?" {
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			continue
		}
		assert.Equal(t, http.StatusNotFound, resp.StatusCode, bad)
		assert.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"), bad)
		assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"), bad)
		assert.Contains(t, string(body), `"code":"image_not_found"`)
		assert.NotContains(t, string(body), id.String())
	}
}

func TestFilesWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	ada := r.Person("ada", auth.RoleUser)
	id := r.put(avatarPath, ada.Token, stilltest.PNG(t, 100, 100, red))
	r.work()
	path := "/images/" + id.String() + "/"
	resp, _ := r.file("GET", path+"64.webp")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	r.blobs.breakAfter(0)
	resp, _ = r.file("GET", path+"64.webp")
	assert.Equal(t, http.StatusOK, resp.StatusCode, "from memory")
	resp, body := r.file("GET", path+"64.jpg")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.Contains(t, string(body), `"code":"images_unavailable"`)
	assert.NotEmpty(t, resp.Header.Get("Retry-After"))
	assert.NotContains(t, string(body), "fire")
	r.clock.pass(time.Hour)
	resp, _ = r.file("GET", path+"64.webp")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "memory does not last for ever")
	r.blobs.mend()
	resp, _ = r.file("GET", path+"64.webp")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}
