package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bandstand/storage/blob"
)

// s3URL names the environment variable with the URL of a bucket in an S3 in which
// tests may write. Without it S3 is not tested, except where CI is "true": there its
// absence is a failure.
const s3URL = "BANDSTAND_TEST_S3_URL"

// each runs test on every kind of store, each time on an empty one.
func each(t *testing.T, test func(t *testing.T, s *blob.Store)) {
	urls := map[string]string{
		"file": "file://" + filepath.ToSlash(t.TempDir()) + "/new",
		"path": filepath.Join(t.TempDir(), "a", "b"),
		"mem":  "mem://",
	}
	switch base := os.Getenv(s3URL); {
	case base != "":
		u, err := url.Parse(base)
		require.NoError(t, err)
		q := u.Query()
		q.Set("prefix", q.Get("prefix")+uuid.NewString()+"/")
		u.RawQuery = q.Encode()
		urls["s3"] = u.String()
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not set: in CI these tests must run on S3 too", s3URL)
	}
	for name, u := range urls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, u))
		})
	}
}

func open(t *testing.T, url string) *blob.Store {
	t.Helper()
	s, err := blob.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func put(t *testing.T, s *blob.Store, key, text string) {
	t.Helper()
	require.NoError(t, s.Put(t.Context(), key, "text/plain", strings.NewReader(text)))
}

func read(t *testing.T, r io.ReadCloser, err error) string {
	t.Helper()
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(text)
}

func get(t *testing.T, s *blob.Store, key string) string {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	return read(t, r, err)
}

func list(t *testing.T, s *blob.Store, prefix string) []string {
	t.Helper()
	keys := []string{}
	require.NoError(t, s.List(t.Context(), prefix, func(key string, _ int64, _ time.Time) error {
		keys = append(keys, key)
		return nil
	}))
	slices.Sort(keys)
	return keys
}

func TestStore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		ctx := t.Context()
		require.NoError(t, s.Ping(ctx))
		assert.Empty(t, list(t, s, ""))

		_, err := s.Get(ctx, "a/b.txt")
		require.ErrorIs(t, err, blob.ErrNotFound)
		_, err = s.Range(ctx, "a/b.txt", 0, 0)
		require.ErrorIs(t, err, blob.ErrNotFound)
		_, _, err = s.Stat(ctx, "a/b.txt")
		require.ErrorIs(t, err, blob.ErrNotFound)
		there, err := s.Exists(ctx, "a/b.txt")
		require.NoError(t, err)
		assert.False(t, there)
		require.NoError(t, s.Delete(ctx, "a/b.txt"), "of nothing")

		put(t, s, "a/b.txt", "0123456789")
		assert.Equal(t, "0123456789", get(t, s, "a/b.txt"))
		there, err = s.Exists(ctx, "a/b.txt")
		require.NoError(t, err)
		assert.True(t, there)
		size, modified, err := s.Stat(ctx, "a/b.txt")
		require.NoError(t, err)
		assert.EqualValues(t, 10, size)
		assert.WithinDuration(t, time.Now(), modified, time.Minute)
		_, err = s.Get(ctx, "a")
		require.ErrorIs(t, err, blob.ErrNotFound, "a folder is nothing")

		put(t, s, "a/b.txt", "other")
		assert.Equal(t, "other", get(t, s, "a/b.txt"), "in place of the old")
		put(t, s, "empty", "")
		assert.Equal(t, "", get(t, s, "empty"))

		require.NoError(t, s.Delete(ctx, "a/b.txt"))
		_, err = s.Get(ctx, "a/b.txt")
		require.ErrorIs(t, err, blob.ErrNotFound)
		assert.Equal(t, []string{"empty"}, list(t, s, ""))
		put(t, s, "a", "where there was a folder")
		assert.Equal(t, "where there was a folder", get(t, s, "a"))
	})
}

func TestRanges(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		put(t, s, "digits", "0123456789")
		tests := map[string]struct {
			offset, length int64
			want           string
		}{
			"all":             {0, -1, "0123456789"},
			"begin":           {0, 3, "012"},
			"middle":          {3, 4, "3456"},
			"end":             {7, 3, "789"},
			"beyond the end":  {7, 30, "789"},
			"tail":            {7, -1, "789"},
			"nothing":         {3, 0, ""},
			"after the end":   {10, 5, ""},
			"far after it":    {100, 5, ""},
			"tail of nothing": {10, -1, ""},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r, err := s.Range(t.Context(), "digits", test.offset, test.length)
				assert.Equal(t, test.want, read(t, r, err))
			})
		}
		_, err := s.Range(t.Context(), "digits", -1, 3)
		require.Error(t, err)
	})
}

func TestServeContent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		put(t, s, "digits", "0123456789")
		r, err := s.Get(t.Context(), "digits")
		require.NoError(t, err)
		defer r.Close()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		req.Header.Set("Range", "bytes=4-6")
		w := httptest.NewRecorder()
		http.ServeContent(w, req, "digits.txt", time.Time{}, r)
		assert.Equal(t, http.StatusPartialContent, w.Code)
		assert.Equal(t, "456", w.Body.String())
		assert.Equal(t, "bytes 4-6/10", w.Header().Get("Content-Range"))
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		for _, key := range []string{"b/2/x", "a/1", "b/1", "b-c", "b/10/y"} {
			put(t, s, key, key)
		}
		assert.Equal(t, []string{"a/1", "b-c", "b/1", "b/10/y", "b/2/x"}, list(t, s, ""))
		assert.Equal(t, []string{"b/1", "b/10/y", "b/2/x"}, list(t, s, "b/"))
		assert.Equal(t, []string{"b/1", "b/10/y"}, list(t, s, "b/1"))
		assert.Empty(t, list(t, s, "c/"))

		enough := errors.New("enough")
		calls := 0
		err := s.List(t.Context(), "", func(_ string, size int64, modified time.Time) error {
			calls++
			assert.Positive(t, size)
			assert.WithinDuration(t, time.Now(), modified, time.Minute)
			return enough
		})
		require.ErrorIs(t, err, enough)
		assert.Equal(t, 1, calls)
	})
}

// A page of a list is 1000 keys.
func TestListLong(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"file": t.TempDir(), "mem": "mem://"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, url)
			for i := range 1100 {
				put(t, s, fmt.Sprintf("n/%04d", i), "x")
			}
			assert.Len(t, list(t, s, "n/"), 1100)
		})
	}
}

func TestFailedPutChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		put(t, s, "k/old", "old")
		broken := errors.New("broken")
		for _, key := range []string{"k/old", "k/new"} {
			half := io.MultiReader(bytes.NewReader(make([]byte, 100_000)), iotest.ErrReader(broken))
			require.ErrorIs(t, s.Put(t.Context(), key, "text/plain", half), broken)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.Error(t, s.Put(ctx, key, "text/plain", strings.NewReader("late")))
		}
		assert.Equal(t, "old", get(t, s, "k/old"))
		assert.Equal(t, []string{"k/old"}, list(t, s, ""))
	})
}

func TestLargeBlob(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store) {
		large := bytes.Repeat([]byte("0123456789abcdef"), 12<<20/16) // more than a part of an upload to S3
		require.NoError(t, s.Put(t.Context(), "large", "application/octet-stream", bytes.NewReader(large)))
		assert.Equal(t, string(large), get(t, s, "large"))
	})
}

// Deleting removes empty folders, in which others may be about to write.
func TestPutAndDeleteAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			key := fmt.Sprintf("same/folder/%d", i)
			for range 50 {
				if err := s.Put(t.Context(), key, "text/plain", strings.NewReader("x")); !assert.NoError(t, err) {
					return
				}
				if err := s.Delete(t.Context(), key); !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	writers.Wait()
	assert.Empty(t, list(t, s, ""))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	bad := []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a/.b", "a..b", "A", "ä", "a b", "a\\b",
		"a\x00", "a\n", "a%2fb", "a:b", "a.tmp", "a.attrs", "-a", strings.Repeat("a", 129), strings.Repeat("aaaa/", 110) + "a",
	}
	for _, key := range bad {
		require.ErrorIs(t, s.Put(t.Context(), key, "text/plain", strings.NewReader("x")), blob.ErrBadKey, key)
		_, err := s.Get(t.Context(), key)
		require.ErrorIs(t, err, blob.ErrBadKey, key)
		_, err = s.Exists(t.Context(), key)
		require.ErrorIs(t, err, blob.ErrBadKey, key)
		require.ErrorIs(t, s.Delete(t.Context(), key), blob.ErrBadKey, key)
	}
	for _, prefix := range []string{"/", "../", "a/../", "a//", "."} {
		require.ErrorIs(t, s.List(t.Context(), prefix, nil), blob.ErrBadKey, prefix)
	}
	for _, key := range []string{"a", "0/1/2", "a_b-c.d/e.f", strings.Repeat("a", 128)} {
		require.NoError(t, blob.CheckKey(key), key)
	}
}

func TestFilesAreForTheirUserAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	s := open(t, "file://"+filepath.ToSlash(dir))
	put(t, s, "a/b/c.txt", "x")
	seen := 0
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		seen++
		if entry.IsDir() {
			assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), name)
		} else {
			assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
		}
		return nil
	}))
	assert.Equal(t, 4, seen, "no files of attributes, nothing temporary")

	require.NoError(t, s.Delete(t.Context(), "a/b/c.txt"))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "empty folders go too")
	assert.DirExists(t, dir)
}

func TestLeftoversAreSweptWhenOld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, "k.1.tmp"), filepath.Join(dir, "k.2.tmp")
	for _, name := range []string{old, fresh} {
		require.NoError(t, os.WriteFile(name, []byte("half"), 0o600))
	}
	dayBefore := time.Now().Add(-48 * time.Hour)
	require.NoError(t, os.Chtimes(old, dayBefore, dayBefore))
	s := open(t, dir)
	assert.NoFileExists(t, old)
	assert.FileExists(t, fresh, "somebody may be writing it")
	assert.Empty(t, list(t, s, ""))
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, url := range map[string]string{
		"nothing":      "",
		"other":        "ftp://example.org/x",
		"host":         "file://host/dir",
		"parameter":    "file:///tmp/x?metadata=",
		"credentials":  "s3://key:hunter2@bucket",
		"not a URL":    "s3://%zz",
		"unknown":      "s3://bucket?nonsense=1",
		"not a folder": file,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := blob.Open(t.Context(), url)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestPingOfAMissingFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	s := open(t, dir)
	require.NoError(t, s.Ping(t.Context()))
	require.NoError(t, os.Remove(dir))
	require.Error(t, s.Ping(t.Context()))
}
