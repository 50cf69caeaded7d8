package party_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/party"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

const parties = "/api/v1/parties"

func TestPeopleComeAndGo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob, eve := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser), w.Person("eve", auth.RoleUser)
		path, id := w.party(`{"name":"  Friday   night "}`, ada)
		code := w.link(ada, path)

		var preview party.PreviewView
		w.does(eve, http.MethodPost, parties+"/preview", `{"code":"`+code+`"}`, &preview)
		require.Equal(t, "Friday night", preview.Name)
		require.Equal(t, 1, preview.Members)
		require.False(t, preview.Member)
		w.refused(eve, http.MethodGet, path, "", 404, "party_not_found")
		w.refused(eve, http.MethodPost, parties+"/join", `{"code":"bsp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`, 404, "invite_not_found")
		w.refused(eve, http.MethodPost, parties+"/join", `{}`, 404, "invite_not_found")
		w.refused(eve, http.MethodPost, parties+"/join", `{"party":"`+id+`"}`, 404, "invite_not_found")
		watching := w.enter(0, ada, id)
		for range 2 { // whoever is in stays so
			w.does(eve, http.MethodPost, parties+"/join", `{"code":"`+code+`"}`, nil)
		}
		joined := ""
		for !strings.Contains(joined, `"joined"`) { // it hears of its own coming, too
			joined = string(watching.Next("party:"+id, "party.member").Data)
		}
		require.Contains(t, joined, `"username":"eve"`)
		require.Contains(t, string(watching.Next("party:"+id, "party.message").Data), `"body":"joined"`)

		// Friends are invited by name.
		w.refused(ada, http.MethodPost, path+"/invites", `{"username":"bob"}`, 403, "not_friends")
		w.befriend(ada, bob)
		asked := w.connect(0, bob)
		w.does(ada, http.MethodPost, path+"/invites", `{"username":"BOB"}`, nil)
		require.Contains(t, string(asked.Next("user:"+bob.ID.String(), "party.invited").Data), `"Friday night"`)
		require.Equal(t, []string{"party_invite " + bob.ID.String()}, w.inbox)
		var mine struct{ Items []party.MyInviteView }
		w.does(bob, http.MethodGet, "/api/v1/me/party-invites", "", &mine)
		require.Len(t, mine.Items, 1)
		require.Equal(t, "ada", mine.Items[0].From.Username)
		w.refused(eve, http.MethodDelete, "/api/v1/me/party-invites/"+mine.Items[0].ID, "", 404, "invite_not_found")
		w.does(bob, http.MethodDelete, "/api/v1/me/party-invites/"+mine.Items[0].ID, "", nil)
		w.refused(bob, http.MethodPost, parties+"/join", `{"party":"`+id+`"}`, 404, "invite_not_found")
		w.does(ada, http.MethodPost, path+"/invites", `{"username":"bob"}`, nil)
		require.Len(t, w.inbox, 2, "each invitation is in the inbox")
		w.does(bob, http.MethodPost, parties+"/join", `{"party":"`+id+`"}`, nil)
		w.refused(ada, http.MethodPost, path+"/invites", `{"username":"bob"}`, 409, "already_member")

		// Who is removed does not come back by a link, but when the host invites them.
		w.refused(eve, http.MethodDelete, path+"/members/bob", "", 403, "host_only")
		w.refused(ada, http.MethodDelete, path+"/members/ada", "", 409, "not_yourself")
		w.refused(ada, http.MethodDelete, path+"/members/nobody", "", 404, "member_not_found")
		w.does(ada, http.MethodDelete, path+"/members/bob", "", nil)
		w.refused(bob, http.MethodGet, path, "", 404, "party_not_found")
		w.refused(bob, http.MethodPost, parties+"/join", `{"code":"`+code+`"}`, 403, "removed")
		w.does(ada, http.MethodPost, path+"/invites", `{"username":"bob"}`, nil)
		w.does(bob, http.MethodPost, parties+"/join", `{"party":"`+id+`"}`, nil)

		// Links are revoked, and end by themselves.
		var invites struct{ Items []party.PartyInviteView }
		w.does(eve, http.MethodGet, path+"/invites", "", &invites)
		require.NotEmpty(t, invites.Items)
		for _, i := range invites.Items {
			require.Empty(t, i.Code)
			require.Nil(t, i.For, "invitations that were used are gone")
		}
		w.refused(eve, http.MethodDelete, path+"/invites/"+invites.Items[0].ID, "", 403, "host_only")
		for _, i := range invites.Items {
			w.does(ada, http.MethodDelete, path+"/invites/"+i.ID, "", nil)
		}
		w.refused(eve, http.MethodPost, parties+"/preview", `{"code":"`+code+`"}`, 404, "invite_not_found")
		short := w.link(ada, path)
		w.ahead.Add(int64(8 * 24 * time.Hour))
		w.refused(eve, http.MethodPost, parties+"/preview", `{"code":"`+short+`"}`, 404, "invite_not_found")

		// The host leaves: whoever has been there longest is the host.
		w.does(ada, http.MethodPost, path+"/leave", "", nil)
		w.refused(ada, http.MethodPost, path+"/leave", "", 404, "party_not_found")
		var now party.Snapshot
		w.does(bob, http.MethodGet, path, "", &now)
		require.Equal(t, "eve", now.Party.Host.Username)
		require.Len(t, now.Members, 2)
		w.refused(bob, http.MethodDelete, path, "", 403, "host_only")
		w.does(eve, http.MethodDelete, path, "", nil)
		w.refused(eve, http.MethodGet, path, "", 404, "party_not_found")
		ok, err := w.parties[0].IsMember(t.Context(), mustParse(id), eve.ID)
		require.NoError(t, err)
		require.False(t, ok, "of a party that is over nobody is a member")
		require.Equal(t, []uuid.UUID{bob.ID, ada.ID, eve.ID, bob.ID}, w.gone, "removed, left, and when it ended")
	})
}

func TestTheHostDecides(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
		w.Channel(ada, "stage")
		path, id := w.party(`{"item":{"kind":"channel","channel":"stage"}}`, ada, bob)
		tag := w.does(ada, http.MethodGet, path, "", nil).Header.Get("ETag")
		w.refused(bob, http.MethodPatch, path, `{"control":"host"}`, 403, "host_only")
		var now party.Snapshot
		w.does(ada, http.MethodPatch, path, `{"control":"host","live_delay_ms":2000}`, &now)
		require.Equal(t, "host", now.Party.Control)
		require.EqualValues(t, 2000, now.Party.Settings.LiveDelayMS)
		require.EqualValues(t, 1500, now.Party.Settings.StallAfterMS)
		stale := w.Do(http.MethodPatch, path, ada.Token, `{"name":"x"}`, "If-Match", tag)
		require.Equal(t, http.StatusPreconditionFailed, stale.Status, stale.Text)
		for _, bad := range []string{`{"name":"\u202e"}`, `{"stall_after_ms":100}`, `{"max_wait_ms":100000}`, `{"control":"nobody"}`} {
			require.Equal(t, http.StatusUnprocessableEntity, w.Do(http.MethodPatch, path, ada.Token, bad).Status, bad)
		}
		b := w.enter(0, bob, id)
		_, code := b.Refused("party.pause", map[string]any{"party": id})
		require.Equal(t, "host_only", code)
		var own party.EntryIDView
		w.does(bob, http.MethodPost, path+"/queue", `{"kind":"channel","channel":"stage"}`, &own)
		w.refused(bob, http.MethodPut, path+"/queue/"+own.ID+"/place", `{"place":0}`, 403, "host_only")
		w.does(bob, http.MethodDelete, path+"/queue/"+own.ID, "", nil)
		w.does(ada, http.MethodPatch, path, `{"host":"bob"}`, nil)
		require.Contains(t, string(b.Next("party:"+id, "party.changed").Data), `"host":{"id":"`+bob.ID.String())
		b.act("party.pause", nil)
	})
}

func TestPartyChat(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob, eve := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser), w.Person("eve", auth.RoleUser)
		path, id := w.party(`{}`, ada, bob)
		other, _ := w.party(`{}`, bob)
		var first, again party.PartyMessageView
		w.does(bob, http.MethodPost, path+"/messages", `{"text":" hello ","send_key":"k"}`, &first)
		w.does(bob, http.MethodPost, path+"/messages", `{"text":"hello","send_key":"k"}`, &again)
		require.Equal(t, first, again)
		require.Equal(t, "hello", first.Body)
		w.refused(bob, http.MethodPost, other+"/messages", `{"text":"hello","send_key":"k"}`, 409, "send_key_used")
		w.refused(eve, http.MethodPost, path+"/messages", `{"text":"hello"}`, 404, "party_not_found")
		w.refused(ada, http.MethodPost, path+"/messages", `{"text":"`+strings.Repeat("x", 501)+`"}`, 422, "bad_party_message")
		w.refused(ada, http.MethodPost, path+"/messages", `{"text":"a\u202eb"}`, 422, "bad_party_message")
		a := w.enter(0, ada, id)
		var second party.PartyMessageView
		a.Call("party.send", map[string]any{"party": id, "text": "two\nlines"}, &second)

		var page struct {
			Items      []party.PartyMessageView
			NextCursor string `json:"next_cursor"`
			PrevCursor string `json:"prev_cursor"`
		}
		w.does(ada, http.MethodGet, path+"/messages?limit=2", "", &page)
		require.Equal(t, []string{second.ID, first.ID}, []string{page.Items[0].ID, page.Items[1].ID})
		cursor := page.NextCursor
		page.NextCursor = ""
		w.does(ada, http.MethodGet, path+"/messages?limit=2&cursor="+cursor, "", &page)
		require.Len(t, page.Items, 1)
		require.Equal(t, "system", page.Items[0].Kind)
		require.Equal(t, "joined", page.Items[0].Body)
		require.Equal(t, "bob", page.Items[0].By.Username)
		require.Empty(t, page.NextCursor)
		w.does(ada, http.MethodGet, path+"/messages?limit=2&cursor="+page.PrevCursor, "", &page)
		require.Equal(t, second.ID, page.Items[0].ID)

		w.refused(bob, http.MethodDelete, path+"/messages/"+second.ID, "", 403, "host_only")
		w.does(ada, http.MethodDelete, path+"/messages/"+first.ID, "", nil)
		require.Contains(t, string(a.Next("party:"+id, "party.message_deleted").Data), first.ID)
		w.refused(ada, http.MethodDelete, path+"/messages/"+first.ID, "", 404, "message_not_found")
		require.NotContains(t, w.Do(http.MethodGet, path+"/messages", ada.Token, "").Text, "hello")
	})
}

func TestPartiesEndWhenNobodyIsLeft(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, 1)
		ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
		left, leftID := w.party(`{}`, ada)
		kept, keptID := w.party(`{}`, ada)
		code := w.link(ada, left)
		w.does(ada, http.MethodPost, left+"/leave", "", nil)
		w.ahead.Add(int64(9 * time.Minute))
		w.parties[0].Sweep(t.Context())
		w.does(bob, http.MethodPost, parties+"/join", `{"code":"`+code+`"}`, nil)
		var now party.Snapshot
		w.does(bob, http.MethodGet, left, "", &now)
		require.Equal(t, "bob", now.Party.Host.Username, "whoever comes back first is the host")
		w.does(bob, http.MethodPost, left+"/leave", "", nil)
		w.ahead.Add(int64(11 * time.Minute))
		w.parties[0].Sweep(t.Context())
		w.refused(bob, http.MethodPost, parties+"/join", `{"code":"`+code+`"}`, 404, "invite_not_found")
		w.does(ada, http.MethodGet, kept, "", nil)

		// One with members ends when nobody was there for a day.
		there := w.enter(0, ada, keptID)
		w.ahead.Add(int64(23 * time.Hour))
		w.parties[0].Sweep(t.Context())
		w.ahead.Add(int64(23 * time.Hour))
		w.parties[0].Sweep(t.Context())
		w.does(ada, http.MethodGet, kept, "", nil)
		there.Cut()
		offline := false
		for !offline {
			offline = len(w.members(kept, ada)) == 1 && !w.members(kept, ada)[0].Online
		}
		w.ahead.Add(int64(25 * time.Hour))
		w.parties[0].Sweep(t.Context())
		w.refused(ada, http.MethodGet, kept, "", 404, "party_not_found")
		w.ahead.Add(int64(8 * 24 * time.Hour))
		w.parties[0].Sweep(t.Context())
		var count int
		require.NoError(t, d.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM parties WHERE id = $1`, mustParse(leftID)).Scan(&count))
		require.Zero(t, count)
	})
}

func TestPeopleAreInSoManyParties(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t), 1)
	ada, bob := w.Person("ada", auth.RoleUser), w.Person("bob", auth.RoleUser)
	path, _ := w.party(`{}`, bob)
	code := w.link(bob, path)
	for i := range 10 {
		w.party(fmt.Sprintf(`{"name":"%d"}`, i), ada)
	}
	w.refused(ada, http.MethodPost, parties, `{}`, 409, "too_many_parties")
	w.refused(ada, http.MethodPost, parties+"/join", `{"code":"`+code+`"}`, 409, "too_many_parties")
	var mine struct{ Items []party.PartyView }
	w.does(ada, http.MethodGet, "/api/v1/me/parties", "", &mine)
	require.Len(t, mine.Items, 10)
	require.Equal(t, "9", mine.Items[0].Name)
	for i := range 49 {
		w.does(w.Person(fmt.Sprint("guest", i), auth.RoleUser), http.MethodPost, parties+"/join", `{"code":"`+code+`"}`, nil)
	}
	w.refused(w.Person("late", auth.RoleUser), http.MethodPost, parties+"/join", `{"code":"`+code+`"}`, 409, "party_full")
}
