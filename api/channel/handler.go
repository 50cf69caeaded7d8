package channel

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
)

type handler struct{ channels *Service }

// Register adds the operations of channels, their members, followers and stream keys,
// and of ingest nodes to api.
func Register(api huma.API, channels *Service) {
	h := &handler{channels}
	h.registerChannels(api)
	h.registerLists(api)
	h.registerMembers(api)
	h.registerFollows(api)
	h.registerPlayback(api)
	h.registerKeys(api)
	h.registerIngest(api)
	h.registerHook(api)
}

// Failures that operations document beside those that every operation may have.
// Clipped, because huma appends to them.
var (
	readErrors    = []int{http.StatusNotFound}
	privateErrors = []int{http.StatusUnauthorized, http.StatusForbidden}
	memberErrors  = slices.Clip(slices.Concat(privateErrors, readErrors))
	writeErrors   = slices.Clip(append([]int{http.StatusTooManyRequests}, memberErrors...))
	createErrors  = slices.Clip(append([]int{http.StatusConflict}, writeErrors...))
	editErrors    = slices.Clip(append([]int{http.StatusPreconditionFailed}, writeErrors...))
)

func (h *handler) registerChannels(api huma.API) {
	tags := []string{"Channels"}
	huma.Register(api, huma.Operation{
		OperationID: "create-channel", Method: http.MethodPost, Path: "/api/v1/channels",
		Summary: "Make a channel and its first stream key", Tags: tags,
		Description:   "The address of a channel never changes: it is in links, players and bookmarks. Whoever wants another one makes another channel.",
		DefaultStatus: http.StatusCreated, Errors: createErrors,
	}, h.create)
	huma.Register(api, huma.Operation{
		OperationID: "get-channel", Method: http.MethodGet, Path: "/api/v1/channels/{slug}",
		Summary: "Get a channel", Tags: tags, Errors: readErrors,
	}, h.get)
	huma.Register(api, huma.Operation{
		OperationID: "update-channel", Method: http.MethodPatch, Path: "/api/v1/channels/{slug}",
		Summary: "Change a channel", Tags: tags, Errors: editErrors,
		Description: "What is absent or null stays as it is, but for ladder, where null goes back to the server's. The address cannot be changed.",
	}, h.update)
	huma.Register(api, huma.Operation{
		OperationID: "delete-channel", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}",
		Summary: "Delete a channel with everything that is of it", Tags: tags, Errors: writeErrors,
		Description:   "Whoever is on air there is hung up on within two seconds. Its address may be taken by somebody else.",
		DefaultStatus: http.StatusNoContent,
	}, h.delete)
}

// SlugInput names a channel. It is embedded in other inputs.
type SlugInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel." example:"demo"`
}

// ChannelFields is what can be set of a channel, when it is made and later.
type ChannelFields struct {
	Description    *string      `json:"description,omitempty" maxLength:"5000" doc:"Lines of plain text." example:"Every evening at eight."`
	Links          *[]Link      `json:"links,omitempty" nullable:"false" maxItems:"10"`
	Category       *string      `json:"category,omitempty" maxLength:"40" example:"Music"`
	Tags           *[]string    `json:"tags,omitempty" nullable:"false" maxItems:"10" doc:"Each of 1 to 30 small letters, digits and single dashes between them." example:"[\"jazz\",\"live-band\"]"`
	Visibility     *string      `json:"visibility,omitempty" enum:"public,unlisted,private" doc:"public is in lists; unlisted is for whoever knows the address; private for owner, members and whoever has a link. It counts at once, for those who watch too." example:"public"`
	BroadcastTitle *string      `json:"broadcast_title,omitempty" maxLength:"100" doc:"Title of broadcasts that nobody scheduled; empty for the channel's." example:"Evening session"`
	Recording      *Recording   `json:"recording,omitempty"`
	Ladder         ladderChange `json:"ladder,omitempty"`
}

func (f *ChannelFields) change(title *string) Change {
	c := Change{
		Title: title, Description: f.Description, Links: f.Links, Category: f.Category, Tags: f.Tags,
		Visibility: f.Visibility, BroadcastTitle: f.BroadcastTitle, Recording: f.Recording,
	}
	if f.Ladder.set {
		c.Ladder = &f.Ladder.rungs
	}
	return c
}

type channelOutput struct {
	ETag string `header:"ETag" doc:"Names this version, for If-Match."`
	Body ChannelView
}

type createChannelInput struct {
	Body struct {
		Slug  string `json:"slug" minLength:"2" maxLength:"40" pattern:"^[a-z0-9](-?[a-z0-9])+$" doc:"Address of the channel, unique. It cannot be changed." example:"demo"`
		Title string `json:"title" minLength:"1" maxLength:"100" example:"Demo"`
		ChannelFields
	}
}

type createChannelOutput struct {
	Location string `header:"Location" doc:"Address of the new channel in this API."`
	ETag     string `header:"ETag" doc:"Names this version, for If-Match."`
	Body     struct {
		ChannelView
		StreamKey string `json:"stream_key" doc:"Secret that opens the channel. It is in this reply and in no other."`
	}
}

// create handles POST /api/v1/channels. The stream key is in this reply and in no other.
func (h *handler) create(ctx context.Context, in *createChannelInput) (*createChannelOutput, error) {
	ch, secret, err := h.channels.Create(ctx, auth.User(ctx), in.Body.Slug, in.Body.change(&in.Body.Title))
	if err != nil {
		return nil, err
	}
	out := &createChannelOutput{Location: "/api/v1/channels/" + ch.Slug, ETag: rest.ETag(ch.Version)}
	out.Body.ChannelView = h.channels.view(ctx, ch, nil, auth.Owner)
	out.Body.StreamKey = secret
	return out, nil
}

// RelationView is what the caller is to a channel.
type RelationView struct {
	Role      *string `json:"role" enum:"owner,broadcaster,moderator,viewer" doc:"null for none."`
	Following bool    `json:"following"`
	Notify    bool    `json:"notify" doc:"Whether the caller is told when the channel goes on air."`
}

type getChannelOutput struct {
	ETag string `header:"ETag" doc:"Names this version, for If-Match."`
	Body struct {
		ChannelView
		Me *RelationView `json:"me,omitempty" doc:"What the caller is to the channel, if signed in and unless that cannot be asked at the moment."`
	}
}

// get handles GET /api/v1/channels/{slug}.
func (h *handler) get(ctx context.Context, _ *SlugInput) (*getChannelOutput, error) {
	at := auth.AccessOf(ctx)
	ch, err := h.channels.Get(ctx, at.Slug)
	if err != nil {
		return nil, err
	}
	out := &getChannelOutput{ETag: rest.ETag(ch.Version)}
	out.Body.ChannelView = h.channels.view(ctx, ch, h.channels.liveNow(ch.Slug), at.Role)
	if p := auth.User(ctx); p.IsUser() {
		relation, err := h.channels.RelationOf(ctx, p, at)
		switch {
		case err == nil:
			out.Body.Me = viewOfRelation(at.Role, relation)
		case !db.IsUnavailable(err): // the channel is shown nevertheless
			return nil, err
		}
	}
	return out, nil
}

func viewOfRelation(roles auth.ChannelRole, r Relation) *RelationView {
	v := &RelationView{Following: r.Following, Notify: r.Notify}
	if role := nameOf(roles); role != "" {
		v.Role = &role
	}
	return v
}

type updateChannelInput struct {
	SlugInput
	rest.IfMatch
	Body struct {
		Title *string `json:"title,omitempty" minLength:"1" maxLength:"100" example:"Demo"`
		ChannelFields
	}
}

// update handles PATCH /api/v1/channels/{slug}: what is absent stays as it is.
func (h *handler) update(ctx context.Context, in *updateChannelInput) (*channelOutput, error) {
	at := auth.AccessOf(ctx)
	ch, err := h.channels.Update(ctx, at, in.IfMatch, in.Body.change(in.Body.Title))
	if err != nil {
		return nil, err
	}
	return &channelOutput{
		ETag: rest.ETag(ch.Version),
		Body: h.channels.view(ctx, ch, h.channels.liveNow(ch.Slug), at.Role),
	}, nil
}

// delete handles DELETE /api/v1/channels/{slug}.
func (h *handler) delete(ctx context.Context, _ *SlugInput) (*struct{}, error) {
	return nil, h.channels.Delete(ctx, auth.AccessOf(ctx))
}
