package moderation_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

const emotesPath = "/channels/stage/emotes"

// picture gives an emote a picture, as that is done when one is ready.
func (f *fixture) picture(emote string, channel uuid.UUID) uuid.UUID {
	f.t.Helper()
	ctx, id, of := f.t.Context(), uuid.Must(uuid.NewV7()), uuid.MustParse(emote)
	require.NoError(f.t, f.DB.InTx(ctx, func(tx *db.Tx) error {
		at := column.At(time.Now())
		if err := tx.CreateImage(ctx, store.CreateImageParams{ID: id, Kind: "emote", TargetKind: "emote", TargetID: of, At: at}); err != nil {
			return err
		}
		if _, err := tx.ImageReady(ctx, store.ImageReadyParams{ID: id, At: at}); err != nil {
			return err
		}
		if _, err := tx.ShowEmote(ctx, store.ShowEmoteParams{ID: of, ImageID: uuid.NullUUID{UUID: id, Valid: true}}); err != nil {
			return err
		}
		return tx.Notify(ctx, auth.TopicEmotes, channel.String())
	}))
	return id
}

func TestEmotes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		known := func(codes ...string) map[string]string {
			paths, err := f.service.Emotes(t.Context(), f.channel, codes)
			require.NoError(t, err)
			return paths
		}
		require.Empty(t, known("wave", "clap"))
		r := f.ok("POST", emotesPath, f.mod, `{"code":"wave"}`)
		require.Equal(t, http.StatusCreated, r.Status)
		wave := r.JSON["id"].(string)
		require.Equal(t, "/api/v1"+emotesPath+"/"+wave, r.Header.Get("Location"))
		require.Nil(t, r.JSON["picture"])
		require.Empty(t, items(f.ok("GET", emotesPath, f.eve, "")), "it has no picture")
		require.Len(t, items(f.ok("GET", emotesPath, f.mod, "")), 1)
		require.Empty(t, known("wave"))

		id := f.picture(wave, f.channel)
		path := "/images/" + id.String() + "/56.webp"
		require.Equal(t, map[string]string{"wave": path}, known("wave", "clap", "Wave"), "at once")
		shown := items(f.ok("GET", emotesPath, apitest.Person{}, ""))
		require.Len(t, shown, 1)
		require.Equal(t, path, shown[0]["picture"].(map[string]any)["webp"].(map[string]any)["56"])
		f.settings(`{"emotes_only":true}`)
		require.NoError(t, f.admit(f.eve, home, ":wave: 🎶:wave:"))
		require.ErrorContains(t, f.admit(f.eve, home, ":wave: hi"), "emotes_only")

		clap := f.ok("POST", "/admin/emotes", f.root, `{"code":"clap"}`).JSON["id"].(string)
		common := f.ok("POST", "/admin/emotes", f.root, `{"code":"wave"}`).JSON["id"].(string)
		f.no(409, "emote_taken", "POST", "/admin/emotes", f.root, `{"code":"wave"}`)
		f.no(409, "emote_taken", "POST", emotesPath, f.owner, `{"code":"wave"}`)
		clapped := f.picture(clap, uuid.Nil)
		commonPicture := f.picture(common, uuid.Nil)
		require.Equal(t, map[string]string{"wave": path, "clap": "/images/" + clapped.String() + "/56.webp"}, known("wave", "clap"), "that of the channel goes first")
		require.Len(t, items(f.ok("GET", emotesPath, f.eve, "")), 3)
		require.Len(t, items(f.ok("GET", "/admin/emotes", f.staff, "")), 2)

		f.no(404, "emote_not_found", "DELETE", emotesPath+"/"+common, f.owner, "")
		f.no(404, "emote_not_found", "DELETE", "/admin/emotes/"+wave, f.root, "")
		f.no(404, "emote_not_found", "DELETE", emotesPath+"/x", f.owner, "")
		require.Equal(t, http.StatusNoContent, f.ok("DELETE", emotesPath+"/"+wave, f.caster, "").Status)
		f.no(404, "emote_not_found", "DELETE", emotesPath+"/"+wave, f.owner, "")
		require.Equal(t, "/images/"+commonPicture.String()+"/56.webp", known("wave")["wave"])
		freed, err := d.Read().ImageByID(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "replaced", freed.State, "it is swept up")
		f.ok("DELETE", "/admin/emotes/"+clap, f.staff, "")
		require.Empty(t, known("clap"))

		for _, body := range []string{`{"code":"a"}`, `{"code":"a b"}`, `{"code":":a:"}`, `{"code":"é_é"}`, `{"code":"aaaaaaaaaaaaaaaaaaaaaaaaa"}`, `{}`} {
			f.no(422, "unprocessable_entity", "POST", emotesPath, f.mod, body)
		}
		f.no(403, "forbidden", "POST", emotesPath, f.eve, `{"code":"mine"}`)
		f.no(403, "forbidden", "POST", "/admin/emotes", f.staff, `{"code":"mine"}`)
		f.no(403, "forbidden", "GET", "/admin/emotes", f.owner, "")
		actions := []string{}
		for _, entry := range items(f.ok("GET", logPath, f.owner, "")) {
			actions = append(actions, entry["action"].(string))
		}
		require.Equal(t, []string{"emote_delete", "settings", "emote_create"}, actions)
	})
}

func TestEmotesAreNotTooMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	f.CheckDocument()
	for i := range 100 {
		f.exec("INSERT INTO emotes (id, channel_id, code, created_at) VALUES ($1, $2, $3, $4)", uuid.New(), f.channel, fmt.Sprintf("e%d", i), time.Now().UTC())
		f.exec("INSERT INTO emotes (id, code, created_at) VALUES ($1, $2, $3)", uuid.New(), fmt.Sprintf("e%d", i), time.Now().UTC())
	}
	f.no(409, "too_many_emotes", "POST", emotesPath, f.mod, `{"code":"more"}`)
	f.no(409, "too_many_emotes", "POST", "/admin/emotes", f.root, `{"code":"more"}`)
	require.Len(t, items(f.ok("GET", emotesPath, f.mod, "")), 200)
}
