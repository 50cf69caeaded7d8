package image_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/http"
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

// emote makes an emote of a channel, or of the instance.
func (r *rig) emote(channel uuid.UUID, code string) uuid.UUID {
	r.t.Helper()
	id := uuid.Must(uuid.NewV7())
	require.NoError(r.t, r.DB.Write().CreateEmote(r.t.Context(), store.CreateEmoteParams{
		ID: id, ChannelID: uuid.NullUUID{UUID: channel, Valid: channel != uuid.Nil}, Code: code, At: column.At(time.Now()),
	}))
	return id
}

func TestEmotes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d)
		ada, eve, root := r.Person("ada", auth.RoleUser), r.Person("eve", auth.RoleUser), r.Person("root", auth.RoleAdmin)
		channel, other := r.Channel(ada, "demo"), r.Channel(eve, "other")
		changed := []string{}
		d.Subscribe(auth.TopicEmotes, func(channel string) { changed = append(changed, channel) }, func() {})
		emote, theirs, common := r.emote(channel, "wave"), r.emote(other, "wave"), r.emote(uuid.Nil, "clap")
		path := func(id uuid.UUID) string { return "/api/v1/channels/demo/emotes/" + id.String() + "/picture" }
		picture := stilltest.PNG(t, 180, 130, red)

		apitest.RequireProblem(t, r.Send("PUT", path(emote), eve.Token, bytes.NewReader(picture)), 403, "forbidden")
		apitest.RequireProblem(t, r.Send("PUT", path(theirs), ada.Token, bytes.NewReader(picture)), 404, "emote_not_found")
		apitest.RequireProblem(t, r.Send("PUT", path(common), ada.Token, bytes.NewReader(picture)), 404, "emote_not_found")
		apitest.RequireProblem(t, r.Send("PUT", "/api/v1/channels/demo/emotes/x/picture", ada.Token, bytes.NewReader(picture)), 404, "emote_not_found")
		apitest.RequireProblem(t, r.Send("PUT", "/api/v1/admin/emotes/"+common.String()+"/picture", ada.Token, bytes.NewReader(picture)), 403, "forbidden")
		apitest.RequireProblem(t, r.Send("PUT", path(emote), ada.Token, bytes.NewReader([]byte("<svg/>"))), 415, "image_format")

		first := r.put(path(emote), ada.Token, picture)
		r.work()
		assert.Equal(t, "ready", r.state(first, ""))
		assert.Len(t, r.keys(), 6)
		for width, size := range map[string]int{"28": 28, "56": 56, "112": 112} {
			resp, body := r.file("GET", "/images/"+first.String()+"/"+width+".jpg")
			require.Equal(t, http.StatusOK, resp.StatusCode)
			m, err := jpeg.Decode(bytes.NewReader(body))
			require.NoError(t, err)
			require.Equal(t, image.Pt(size, size), m.Bounds().Size())
			resp, _ = r.file("GET", "/images/"+first.String()+"/"+width+".webp")
			require.Equal(t, http.StatusOK, resp.StatusCode)
		}
		r.put("/api/v1/admin/emotes/"+common.String()+"/picture", root.Token, picture)
		r.work()
		assert.Equal(t, []string{channel.String(), uuid.Nil.String()}, changed)
		shown := func() (id uuid.NullUUID) {
			require.NoError(t, d.Writer().QueryRowContext(t.Context(), "SELECT image_id FROM emotes WHERE id = $1", emote).Scan(&id))
			return id
		}
		assert.Equal(t, first, shown().UUID)

		second := r.put(path(emote), ada.Token, stilltest.PNG(t, 64, 64, blue))
		r.work()
		assert.Equal(t, second, shown().UUID)
		r.clock.pass(2 * time.Hour)
		require.NoError(t, r.do(images.SweepArgs{All: true}, 1))
		assert.Equal(t, "not found", r.state(first, ada.Token))
		assert.Equal(t, "ready", r.state(second, ""), "it is shown")

		late := r.put(path(emote), ada.Token, picture)
		_, err := d.Write().DeleteEmote(t.Context(), emote)
		require.NoError(t, err)
		r.work()
		assert.Equal(t, "not found", r.state(late, ada.Token), "nothing can show it any more")
		require.NoError(t, r.do(images.SweepArgs{All: true}, 1))
		assert.Equal(t, "not found", r.state(second, ada.Token))
		assert.Len(t, r.keys(), 6, "those of the other emote")
	})
}
