package api_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
)

// notes is a feature made up for tests of what all features share. Its operations
// have ids from the table of permissions.
type notes struct {
	db *db.DB

	mu    sync.Mutex
	made  []string      // guarded by mu: titles, in order
	fail  error         // guarded by mu: what every operation fails with
	enter chan struct{} // gets one value for each note that is being made; nil for none
	leave chan struct{} // a note is made when this gives a value, or is closed; nil at once
}

var errTaken = rest.Conflict("slug_taken", "this address is taken")

// startNotes serves notes on d.
func startNotes(t *testing.T, d *db.DB, change ...func(*api.Config)) (*apitest.Server, *notes) {
	t.Helper()
	n := &notes{db: d}
	return apitest.New(t, d, []api.Feature{n.register}, change...), n
}

func (n *notes) failWith(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fail = err
}

func (n *notes) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fail
}

func (n *notes) titles() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string{}, n.made...)
}

func (n *notes) register(to huma.API) {
	tags := []string{"Channels"}
	huma.Register(to, huma.Operation{
		OperationID: "create-channel", Method: http.MethodPost, Path: "/api/v1/channels",
		Summary: "Make a note", Tags: tags, DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict},
	}, n.create)
	huma.Register(to, huma.Operation{
		OperationID: "list-channels", Method: http.MethodGet, Path: "/api/v1/channels", Summary: "List notes", Tags: tags,
	}, n.list)
	huma.Register(to, huma.Operation{
		OperationID: "get-channel", Method: http.MethodGet, Path: "/api/v1/channels/{slug}", Summary: "Get a channel", Tags: tags,
	}, n.get)
	huma.Register(to, huma.Operation{
		OperationID: "delete-channel", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}", Summary: "Forget", Tags: tags,
		DefaultStatus: http.StatusNoContent,
	}, n.forget)
	huma.Register(to, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/api/v1/auth/login", Summary: "Knock", Tags: tags,
		Errors: []int{http.StatusUnauthorized},
	}, n.login)
	huma.Register(to, huma.Operation{
		OperationID: "me", Method: http.MethodGet, Path: "/api/v1/auth/me", Summary: "Get one's own account", Tags: tags,
	}, n.me)
	huma.Register(to, huma.Operation{
		OperationID: "change-password", Method: http.MethodPost, Path: "/api/v1/me/password", Summary: "Change", Tags: tags,
	}, n.login)
	huma.Register(to, huma.Operation{
		OperationID: "ingest-heartbeat", Method: http.MethodPost, Path: "/api/v1/ingest/heartbeat", Summary: "Report", Tags: tags,
	}, n.report)
	huma.Register(to, huma.Operation{
		OperationID: "put-my-avatar", Method: http.MethodPut, Path: "/api/v1/me/avatar", Summary: "Upload", Tags: tags,
		MaxBodyBytes: 4 << 20, BodyReadTimeout: time.Minute,
	}, n.upload)
}

type createNoteInput struct {
	Body struct {
		Slug  string `json:"slug" minLength:"2" maxLength:"40" pattern:"^[a-z0-9-]+$" example:"demo"`
		Title string `json:"title" minLength:"1" maxLength:"100" example:"Demo"`
		More  *struct {
			Links []struct {
				URL string `json:"url" format:"uri"`
			} `json:"links,omitempty" maxItems:"10"`
		} `json:"more,omitempty"`
	}
}

type createNoteOutput struct {
	Location string `header:"Location" doc:"Address of the note."`
	ETag     string `header:"ETag"`
	Body     struct {
		Slug   string `json:"slug"`
		Title  string `json:"title"`
		Secret string `json:"secret"`
	}
}

func (n *notes) create(ctx context.Context, in *createNoteInput) (*createNoteOutput, error) {
	if n.enter != nil {
		n.enter <- struct{}{}
	}
	if n.leave != nil {
		select {
		case <-n.leave:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		return nil, n.fail
	}
	if in.Body.Title == "panic" {
		panic("a note that is none")
	}
	if in.Body.Title == "taken" {
		return nil, errTaken
	}
	n.made = append(n.made, in.Body.Title)
	out := &createNoteOutput{Location: "/api/v1/channels/" + in.Body.Slug, ETag: rest.ETag(1)}
	out.Body.Slug, out.Body.Title, out.Body.Secret = in.Body.Slug, in.Body.Title, "secret-"+strconv.Itoa(len(n.made))
	return out, nil
}

type listNotesInput struct {
	Q     string `query:"q" maxLength:"100" doc:"Words to look for."`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"Most items."`
}

type listNotesOutput struct {
	Body struct {
		Items []string `json:"items"`
	}
}

func (n *notes) list(context.Context, *listNotesInput) (*listNotesOutput, error) {
	out := &listNotesOutput{}
	out.Body.Items = n.titles()
	return out, n.failure()
}

type noteInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel."`
}

type noteOutput struct {
	Body struct {
		Slug string `json:"slug"`
	}
}

func (n *notes) get(ctx context.Context, _ *noteInput) (*noteOutput, error) {
	out := &noteOutput{}
	out.Body.Slug = auth.AccessOf(ctx).Slug
	return out, n.failure()
}

func (n *notes) forget(context.Context, *noteInput) (*struct{}, error) { return nil, n.failure() }
func (n *notes) report(context.Context, *struct{}) (*struct{}, error)  { return nil, n.failure() }

type noteLoginInput struct {
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"254" example:"ada"`
		Password string `json:"password" minLength:"8" maxLength:"256" format:"password"`
	}
}

func (n *notes) login(context.Context, *noteLoginInput) (*struct{}, error) {
	return nil, rest.Unauthorized("bad_credentials", "wrong")
}

type meNoteOutput struct {
	Body struct {
		Username string `json:"username"`
	}
}

func (n *notes) me(ctx context.Context, _ *struct{}) (*meNoteOutput, error) {
	user, err := n.db.Read().UserByID(ctx, auth.User(ctx).UserID)
	if err != nil {
		return nil, err
	}
	out := &meNoteOutput{}
	out.Body.Username = user.Username
	return out, nil
}

type uploadNoteInput struct {
	RawBody []byte `contentType:"image/png"`
}

type uploadNoteOutput struct {
	Body struct {
		Bytes int `json:"bytes"`
	}
}

func (n *notes) upload(_ context.Context, in *uploadNoteInput) (*uploadNoteOutput, error) {
	out := &uploadNoteOutput{}
	out.Body.Bytes = len(in.RawBody)
	return out, nil
}
