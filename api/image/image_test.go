package image_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	images "bandstand/api/image"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
	"bandstand/transcode/still/stilltest"
)

const avatarPath = "/api/v1/me/avatar"

var (
	red  = color.NRGBA{255, 0, 0, 255}
	blue = color.NRGBA{0, 0, 255, 255}
)

func TestAvatar(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada, eve := r.Person("ada", auth.RoleUser), r.Person("eve", auth.RoleUser)
		version := r.user(ada.ID).Version

		id := r.put(avatarPath, ada.Token, stilltest.PNG(t, 180, 130, red))
		assert.Equal(t, "pending", r.state(id, ada.Token))
		assert.Equal(t, "not found", r.state(id, eve.Token), "it is nobody else's business")
		assert.Equal(t, "not found", r.state(id, ""))
		assert.False(t, r.user(ada.ID).AvatarID.Valid)
		resp, _ := r.file("GET", "/images/"+id.String()+"/64.webp")
		assert.Equal(t, http.StatusNotFound, resp.StatusCode)

		r.work()
		assert.Equal(t, "ready", r.state(id, ""), "for everyone")
		user := r.user(ada.ID)
		assert.Equal(t, uuid.NullUUID{UUID: id, Valid: true}, user.AvatarID)
		assert.Equal(t, version+1, user.Version)
		reply := r.Do("GET", "/api/v1/images/"+id.String(), "", "")
		paths := reply.JSON["picture"].(map[string]any)
		for _, format := range []string{"webp", "jpeg"} {
			for width, path := range paths[format].(map[string]any) {
				resp, body := r.file("GET", path.(string))
				require.Equal(t, http.StatusOK, resp.StatusCode, path)
				require.Equal(t, "image/"+format, resp.Header.Get("Content-Type"))
				require.NotEmpty(t, body)
				if width == "128" && format == "jpeg" {
					m, err := jpeg.Decode(bytes.NewReader(body))
					require.NoError(t, err)
					require.Equal(t, image.Pt(128, 128), m.Bounds().Size())
				}
			}
		}
		assert.Len(t, r.keys(), 8, "the source is gone")
		require.NoError(t, r.do(images.MakeArgs{Image: id}, 2), "a job that runs again changes nothing")
		assert.Equal(t, version+1, r.user(ada.ID).Version)

		other := r.put(avatarPath, ada.Token, stilltest.PNG(t, 64, 64, blue))
		r.work()
		assert.Equal(t, other, r.user(ada.ID).AvatarID.UUID)
		assert.Equal(t, "replaced", r.state(id, ada.Token))
		resp, _ = r.file("GET", "/images/"+id.String()+"/64.webp")
		assert.Equal(t, http.StatusOK, resp.StatusCode, "pages that are open show it")

		r.clock.pass(61 * time.Minute)
		require.NoError(t, r.do(images.CleanArgs{Image: id}, 1))
		assert.Equal(t, "not found", r.state(id, ada.Token))
		resp, _ = r.file("GET", "/images/"+id.String()+"/64.webp")
		assert.Equal(t, http.StatusNotFound, resp.StatusCode, "not from memory either")
		assert.Len(t, r.keys(), 8)

		require.Equal(t, http.StatusNoContent, r.Do("DELETE", avatarPath, ada.Token, "").Status)
		assert.False(t, r.user(ada.ID).AvatarID.Valid)
		r.work()
		assert.Empty(t, r.keys())
		assert.Equal(t, "not found", r.state(other, ada.Token))
		require.Equal(t, http.StatusNoContent, r.Do("DELETE", avatarPath, ada.Token, "").Status, "of nothing")
	})
}

func TestChannelPictures(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada, eve, root := r.Person("ada", auth.RoleUser), r.Person("eve", auth.RoleUser), r.Person("root", auth.RoleAdmin)
		channel := r.Channel(ada, "demo")
		changed := []string{}
		d.Subscribe(auth.TopicChannel, func(slug string) { changed = append(changed, slug) }, func() {})

		for _, kind := range []string{"avatar", "banner", "thumbnail"} {
			path := "/api/v1/channels/demo/" + kind
			apitest.RequireProblem(t, r.Send("PUT", path, eve.Token, bytes.NewReader(stilltest.PNG(t, 8, 8, red))), 403, "forbidden")
			apitest.RequireProblem(t, r.Send("PUT", path, "", bytes.NewReader(stilltest.PNG(t, 8, 8, red))), 401, "unauthorized")
			apitest.RequireProblem(t, r.Do("DELETE", path, eve.Token, ""), 403, "forbidden")
			id := r.put(path, ada.Token, stilltest.JPEG(t, 70, 50))
			r.work()
			assert.Equal(t, "ready", r.state(id, ""))
			shown := r.shown(channel)
			assert.Equal(t, id, shown[kind], kind)
		}
		assert.Equal(t, []string{"demo", "demo", "demo"}, changed, "whoever remembers the channel is told")
		assert.Len(t, r.keys(), 8+6+6)
		r.put("/api/v1/channels/demo/banner", root.Token, stilltest.JPEG(t, 100, 100))
		r.work()
		require.Equal(t, http.StatusNoContent, r.Do("DELETE", "/api/v1/channels/demo/banner", root.Token, "").Status)
		r.work()
		assert.Equal(t, uuid.Nil, r.shown(channel)["banner"])
		assert.NotEqual(t, uuid.Nil, r.shown(channel)["avatar"])
		assert.Equal(t, []string{"root channel.put_banner demo", "root channel.delete_banner demo"}, r.audited(), "what staff do is noted")
		apitest.RequireProblem(t, r.Send("PUT", "/api/v1/channels/none/avatar", ada.Token, bytes.NewReader(nil)), 404, "channel_not_found")
	})
}

// shown returns what a channel shows, by kind.
func (r *rig) shown(channel uuid.UUID) map[string]uuid.UUID {
	r.t.Helper()
	var avatar, banner, thumbnail uuid.NullUUID
	require.NoError(r.t, r.DB.Writer().QueryRowContext(r.t.Context(),
		"SELECT avatar_id, banner_id, thumbnail_id FROM channels WHERE id = $1", channel).Scan(&avatar, &banner, &thumbnail))
	return map[string]uuid.UUID{"avatar": avatar.UUID, "banner": banner.UUID, "thumbnail": thumbnail.UUID}
}

func (r *rig) audited() []string {
	r.t.Helper()
	rows, err := r.DB.Writer().QueryContext(r.t.Context(), "SELECT actor || ' ' || action || ' ' || target FROM audit_log ORDER BY id")
	require.NoError(r.t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var entry string
		require.NoError(r.t, rows.Scan(&entry))
		all = append(all, entry)
	}
	require.NoError(r.t, rows.Err())
	return all
}

// broadcast makes a broadcast that shows an image.
func (r *rig) broadcast(channel, image uuid.UUID) uuid.UUID {
	r.t.Helper()
	id := uuid.Must(uuid.NewV7())
	now := column.At(time.Now())
	require.NoError(r.t, r.DB.Write().CreateBroadcast(r.t.Context(), store.CreateBroadcastParams{
		ID: id, ChannelID: channel, State: "prepared", Title: "Evening",
		ThumbnailID: uuid.NullUUID{UUID: image, Valid: image != uuid.Nil}, CreatedAt: now, UpdatedAt: now,
	}))
	return id
}

func (r *rig) thumbnail(broadcast uuid.UUID) (id uuid.NullUUID) {
	r.t.Helper()
	require.NoError(r.t, r.DB.Writer().QueryRowContext(r.t.Context(),
		"SELECT thumbnail_id FROM broadcasts WHERE id = $1", broadcast).Scan(&id))
	return id
}

// Broadcasts take the thumbnail of their channel over: it stays for as long as one
// shows it.
func TestBroadcastThumbnail(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada := r.Person("ada", auth.RoleUser)
		channel := r.Channel(ada, "demo")
		common := r.put("/api/v1/channels/demo/thumbnail", ada.Token, stilltest.JPEG(t, 40, 30))
		r.work()
		broadcast := r.broadcast(channel, common)
		path := "/api/v1/broadcasts/" + broadcast.String() + "/thumbnail"

		newer := r.put("/api/v1/channels/demo/thumbnail", ada.Token, stilltest.JPEG(t, 30, 30))
		r.work()
		assert.Equal(t, newer, r.shown(channel)["thumbnail"])
		r.clock.pass(2 * time.Hour)
		require.NoError(t, r.do(images.CleanArgs{Image: common}, 1))
		require.NoError(t, r.do(images.SweepArgs{All: true}, 1))
		assert.Equal(t, "replaced", r.state(common, ada.Token))
		resp, _ := r.file("GET", "/images/"+common.String()+"/320.jpg")
		assert.Equal(t, http.StatusOK, resp.StatusCode, "the broadcast shows it")

		own := r.put(path, ada.Token, stilltest.JPEG(t, 20, 10))
		r.work()
		assert.Equal(t, own, r.thumbnail(broadcast).UUID)
		require.NoError(t, r.do(images.SweepArgs{}, 1))
		assert.Equal(t, "not found", r.state(common, ada.Token), "nobody shows it any more")

		require.Equal(t, http.StatusNoContent, r.Do("DELETE", path, ada.Token, "").Status)
		assert.False(t, r.thumbnail(broadcast).Valid)
		r.work()
		assert.Equal(t, "ready", r.state(newer, ""))
		assert.Len(t, r.keys(), 6)
		apitest.RequireProblem(t, r.Send("PUT", "/api/v1/broadcasts/"+uuid.NewString()+"/thumbnail", ada.Token, bytes.NewReader(nil)), 404, "broadcast_not_found")
	})
}

func TestBadPicturesAreRefused(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	r := newRig(t, d)
	ada := r.Person("ada", auth.RoleUser)
	good := stilltest.PNG(t, 10, 10, red)
	bomb := bytes.Clone(good)
	copy(bomb[16:], []byte{0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30})
	for name, test := range map[string]struct {
		body   []byte
		status int
		code   string
	}{
		"nothing":  {nil, 400, "bad_request"},
		"text":     {[]byte("hello"), 415, "image_format"},
		"svg":      {[]byte("<svg onload='alert(1)'/>"), 415, "image_format"},
		"bomb":     {bomb, 422, "image_too_many_pixels"},
		"half":     {good[:len(good)/2], 422, "image_broken"},
		"polyglot": {append(bytes.Clone(good), "PK\x05\x06 and so on"...), 422, "image_with_content"},
		"large":    {make([]byte, images.MaxBytes+1), 413, "request_entity_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := r.Send("PUT", avatarPath, ada.Token, bytes.NewReader(test.body), "Content-Type", "image/png")
			apitest.RequireProblem(t, reply, test.status, test.code)
		})
	}
	assert.Empty(t, r.keys(), "nothing is kept")
	assert.Empty(t, r.jobs.take())
}

func TestAnyContentTypeIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	ada := r.Person("ada", auth.RoleUser)
	for _, media := range []string{"image/jpeg", "image/png", "application/octet-stream", "image/heic"} {
		reply := r.Send("PUT", avatarPath, ada.Token, bytes.NewReader(stilltest.PNG(t, 10, 10, red)), "Content-Type", media)
		assert.Equal(t, http.StatusAccepted, reply.Status, media+" "+reply.Text)
	}
	large := append(stilltest.JPEG(t, 100, 100), make([]byte, images.MaxBytes-100_000)...)
	reply := r.Send("PUT", avatarPath, ada.Token, bytes.NewReader(large))
	assert.Equal(t, http.StatusAccepted, reply.Status, "almost 10 MiB: "+reply.Text)
}

// What looks like a picture may turn out to be none when it is decoded.
func TestPictureThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada := r.Person("ada", auth.RoleUser)
		spoilt := stilltest.PNG(t, 100, 100, red)
		spoilt[len(spoilt)-20] ^= 0xff
		id := r.put(avatarPath, ada.Token, spoilt)
		r.work()
		reply := r.Do("GET", "/api/v1/images/"+id.String(), ada.Token, "")
		assert.Equal(t, "failed", reply.JSON["state"])
		assert.Equal(t, map[string]any{"code": "image_broken", "detail": images.ErrBroken.Detail}, reply.JSON["problem"])
		assert.Equal(t, "not found", r.state(id, ""))
		assert.Empty(t, r.keys())
		assert.False(t, r.user(ada.ID).AvatarID.Valid)

		require.NoError(t, r.do(images.SweepArgs{}, 1))
		assert.Equal(t, "failed", r.state(id, ada.Token), "whoever has sent it may still ask")
		r.clock.pass(8 * 24 * time.Hour)
		require.NoError(t, r.do(images.SweepArgs{}, 1))
		assert.Equal(t, "not found", r.state(id, ada.Token))
	})
}

// The later upload wins, whichever is made first.
func TestLatestUploadWins(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada := r.Person("ada", auth.RoleUser)
		first := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
		second := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, blue))
		third := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, blue))
		require.NoError(t, r.do(images.MakeArgs{Image: second}, 1))
		require.NoError(t, r.do(images.MakeArgs{Image: first}, 1))
		assert.Equal(t, second, r.user(ada.ID).AvatarID.UUID)
		assert.Equal(t, "not found", r.state(first, ada.Token))
		require.NoError(t, r.do(images.MakeArgs{Image: third}, 1))
		assert.Equal(t, third, r.user(ada.ID).AvatarID.UUID)
		assert.Equal(t, "replaced", r.state(second, ada.Token))

		fourth := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
		require.Equal(t, http.StatusNoContent, r.Do("DELETE", avatarPath, ada.Token, "").Status)
		require.NoError(t, r.do(images.MakeArgs{Image: fourth}, 1))
		assert.False(t, r.user(ada.ID).AvatarID.Valid, "it was removed before it was ready")
		assert.Equal(t, "not found", r.state(fourth, ada.Token))
	})
}

// A picture is removed while its sizes are being made.
func TestRemovedWhileItIsMade(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada := r.Person("ada", auth.RoleUser)
		id := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
		r.blobs.onPut = func(key string) {
			if strings.HasSuffix(key, "256.webp") {
				assert.Equal(t, http.StatusNoContent, r.Do("DELETE", avatarPath, ada.Token, "").Status)
				assert.NoError(t, r.do(images.CleanArgs{Image: id}, 1))
			}
		}
		require.NoError(t, r.do(images.MakeArgs{Image: id}, 1))
		assert.Empty(t, r.keys())
		assert.False(t, r.user(ada.ID).AvatarID.Valid)
	})
}

func TestStoreThatFails(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada := r.Person("ada", auth.RoleUser)
		r.blobs.breakAfter(0)
		reply := r.Send("PUT", avatarPath, ada.Token, bytes.NewReader(stilltest.PNG(t, 20, 20, red)))
		apitest.RequireProblem(t, reply, 503, "images_unavailable")
		assert.NotEmpty(t, reply.Header.Get("Retry-After"))
		assert.Empty(t, r.jobs.take())
		r.blobs.mend()

		id := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
		r.blobs.breakAfter(3)
		require.ErrorIs(t, r.do(images.MakeArgs{Image: id}, 1), errBroken)
		assert.Equal(t, "pending", r.state(id, ada.Token), "it is tried again")
		r.blobs.mend()
		require.NoError(t, r.do(images.MakeArgs{Image: id}, 2))
		assert.Equal(t, "ready", r.state(id, ada.Token))
		assert.Len(t, r.keys(), 8)

		other := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, blue))
		r.blobs.breakAfter(3)
		require.ErrorIs(t, r.do(images.MakeArgs{Image: other}, 10), errBroken)
		r.blobs.mend()
		assert.Equal(t, "failed", r.state(other, ada.Token), "after the last attempt")
		assert.Equal(t, id, r.user(ada.ID).AvatarID.UUID)
		require.NoError(t, r.do(images.SweepArgs{All: true}, 1))
	})
}

func TestUploadThatIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	ada := r.Person("ada", auth.RoleUser)
	id := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
	require.NoError(t, r.blobs.Delete(t.Context(), r.keys()[0]))
	r.work()
	assert.Equal(t, "failed", r.state(id, ada.Token))
}

func TestUploadIsUndoneIfItCannotBeWrittenDown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada := r.Person("ada", auth.RoleUser)
		r.jobs.fail(errBroken)
		apitest.RequireProblem(t, r.Send("PUT", avatarPath, ada.Token, bytes.NewReader(stilltest.PNG(t, 20, 20, red))), 500, "internal_server_error")
		assert.Empty(t, r.keys())
		n, err := d.Read().CountPendingImagesOf(t.Context(), uuid.NullUUID{UUID: ada.ID, Valid: true})
		require.NoError(t, err)
		assert.Zero(t, n)
	})
}

func TestPendingIsBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, func(c *images.Config) { c.MaxPending = 2 })
		ada, eve := r.Person("ada", auth.RoleUser), r.Person("eve", auth.RoleUser)
		r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
		r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
		reply := r.Send("PUT", avatarPath, ada.Token, bytes.NewReader(stilltest.PNG(t, 20, 20, red)))
		apitest.RequireProblem(t, reply, 429, "too_many_images")
		assert.Equal(t, "10", reply.Header.Get("Retry-After"))
		assert.Len(t, r.keys(), 2)
		r.put(avatarPath, eve.Token, stilltest.PNG(t, 20, 20, red))
		r.work()
		r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
	})
}

func TestSweepFindsWhatIsForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada := r.Person("ada", auth.RoleUser)
		channel := r.Channel(ada, "demo")
		shown := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red))
		gone := r.put("/api/v1/channels/demo/banner", ada.Token, stilltest.PNG(t, 20, 20, red))
		r.work()
		late := r.put("/api/v1/channels/demo/avatar", ada.Token, stilltest.PNG(t, 20, 20, red))
		lost := r.put(avatarPath, ada.Token, stilltest.PNG(t, 20, 20, red)) // and so is its job
		orphan := uuid.Must(uuid.NewV7())
		require.NoError(t, r.blobs.Put(t.Context(), "images/"+orphan.String()+"/source", "image/png", strings.NewReader("x")))
		require.NoError(t, r.blobs.Put(t.Context(), "other/thing", "text/plain", strings.NewReader("x")))
		_, err := d.Write().DeleteChannel(t.Context(), channel)
		require.NoError(t, err)
		r.jobs.take()

		require.NoError(t, r.do(images.MakeArgs{Image: late}, 1), "there is nothing that could show it")
		assert.Equal(t, "not found", r.state(late, ada.Token))
		require.NoError(t, r.do(images.SweepArgs{All: true}, 1))
		assert.Equal(t, "ready", r.state(gone, ada.Token), "not at once")
		assert.Len(t, r.keys(), 8+6+1+1+1)

		r.clock.pass(25 * time.Hour)
		require.NoError(t, r.do(images.SweepArgs{}, 1))
		assert.Equal(t, "ready", r.state(gone, ada.Token), "not in the small sweep")
		assert.Equal(t, "failed", r.state(lost, ada.Token))
		require.NoError(t, r.do(images.SweepArgs{All: true}, 1))
		assert.Equal(t, "not found", r.state(gone, ada.Token))
		assert.Equal(t, "ready", r.state(shown, ada.Token))
		keys := r.keys()
		assert.Len(t, keys, 8+1)
		assert.Contains(t, keys, "other/thing")
		assert.Equal(t, shown, r.user(ada.ID).AvatarID.UUID)
	})
}
