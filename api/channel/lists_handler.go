package channel

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerLists(api huma.API) {
	tags := []string{"Channels"}
	listErrors := []int{http.StatusBadRequest}
	ownErrors := append([]int{http.StatusBadRequest}, privateErrors...)
	huma.Register(api, huma.Operation{
		OperationID: "list-channels", Method: http.MethodGet, Path: listPath,
		Summary: "List and search public channels, newest first", Tags: tags, Errors: listErrors,
	}, h.list)
	huma.Register(api, huma.Operation{
		OperationID: "list-live", Method: http.MethodGet, Path: livePath,
		Summary: "List public channels on air, those with most viewers first", Tags: tags, Errors: listErrors,
		Description: "Viewers come and go: a channel may be on two pages, or on none, if others overtake it meanwhile.",
	}, h.listLive)
	huma.Register(api, huma.Operation{
		OperationID: "my-channels", Method: http.MethodGet, Path: minePath,
		Summary: "List the channels that you own or are a member of, newest first", Tags: tags, Errors: ownErrors,
	}, h.mine)
	huma.Register(api, huma.Operation{
		OperationID: "my-follows", Method: http.MethodGet, Path: followsPath,
		Summary: "List the channels that you follow, the one followed last first", Tags: tags, Errors: ownErrors,
	}, h.follows)
	huma.Register(api, huma.Operation{
		OperationID: "admin-list-channels", Method: http.MethodGet, Path: adminPath,
		Summary: "List and search all channels, newest first", Tags: []string{"Admin"}, Errors: ownErrors,
	}, h.adminList)
}

// Paths of lists, which pages link to.
const (
	listPath    = "/api/v1/channels"
	livePath    = "/api/v1/live"
	minePath    = "/api/v1/me/channels"
	followsPath = "/api/v1/me/follows"
	adminPath   = "/api/v1/admin/channels"
)

// ChannelFilter chooses channels. It is embedded in inputs.
type ChannelFilter struct {
	Q        string `query:"q" maxLength:"200" doc:"Words of the title, the description, the tags, the category, the owner or the address, or beginnings of words; all of them, of six at most." example:"jazz"`
	Tag      string `query:"tag" maxLength:"30" doc:"Only with this tag." example:"live-band"`
	Category string `query:"category" maxLength:"160" doc:"Only of this category." example:"Music"`
	Owner    string `query:"owner" maxLength:"32" doc:"Username of the owner." example:"ada"`
}

func (f ChannelFilter) filter() Filter {
	return Filter{Search: f.Q, Tag: f.Tag, Category: f.Category, Owner: f.Owner}
}

// values returns what chose the list, for links to its other pages.
func (f ChannelFilter) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"q": f.Q, "tag": f.Tag, "category": f.Category, "owner": f.Owner} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

type listChannelsInput struct {
	rest.PageQuery
	ChannelFilter
	Live bool `query:"live" doc:"Only channels on air."`
}

// list handles GET /api/v1/channels.
func (h *handler) list(ctx context.Context, in *listChannelsInput) (*rest.PageOutput[ChannelView], error) {
	filter, values := in.filter(), in.values()
	filter.Visibility = Public
	var page rest.Page[Listed]
	var err error
	if in.Live {
		values.Set("live", "true")
		page, err = h.channels.ListLive(ctx, rest.ByNewest, filter, in.PageQuery)
	} else {
		page, err = h.channels.List(ctx, filter, in.PageQuery)
	}
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, h.shown(ctx)), listPath, values, in.Limit), nil
}

// shown returns what shows a channel in a list that is the same for everybody.
func (h *handler) shown(ctx context.Context) func(Listed) ChannelView {
	return func(ch Listed) ChannelView { return h.channels.view(ctx, ch.Channel, ch.live, 0) }
}

type listLiveInput struct {
	rest.PageQuery
	ChannelFilter
}

// listLive handles GET /api/v1/live.
func (h *handler) listLive(ctx context.Context, in *listLiveInput) (*rest.PageOutput[ChannelView], error) {
	filter := in.filter()
	filter.Visibility = Public
	page, err := h.channels.ListLive(ctx, rest.ByMost, filter, in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, h.shown(ctx)), livePath, in.values(), in.Limit), nil
}

type myChannelsInput struct{ rest.PageQuery }

// MyChannelView is a channel as its owner and its members see it in a list.
type MyChannelView struct {
	ChannelView
	Role string `json:"role" enum:"owner,broadcaster,moderator,viewer" doc:"What you are there."`
}

// mine handles GET /api/v1/me/channels.
func (h *handler) mine(ctx context.Context, in *myChannelsInput) (*rest.PageOutput[MyChannelView], error) {
	page, err := h.channels.Mine(ctx, auth.User(ctx), in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, func(m Mine) MyChannelView {
		return MyChannelView{h.channels.view(ctx, m.Channel, m.live, m.Role), nameOf(m.Role)}
	}), minePath, nil, in.Limit), nil
}

type myFollowsInput struct{ rest.PageQuery }

// FollowView is a channel that one follows.
type FollowView struct {
	Slug       string       `json:"slug" doc:"Address of the channel." example:"demo"`
	Channel    *ChannelView `json:"channel,omitempty" doc:"Absent if you may not see it any more."`
	Notify     bool         `json:"notify" doc:"Whether you are told when the channel goes on air."`
	FollowedAt time.Time    `json:"followed_at"`
}

// follows handles GET /api/v1/me/follows.
func (h *handler) follows(ctx context.Context, in *myFollowsInput) (*rest.PageOutput[FollowView], error) {
	page, err := h.channels.Follows(ctx, auth.User(ctx), in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, func(f Followed) FollowView {
		v := FollowView{Slug: f.Slug, Notify: f.Notify, FollowedAt: f.Since}
		if f.Channel != nil {
			shown := h.channels.view(ctx, f.Channel.Channel, f.Channel.live, 0)
			v.Channel = &shown
		}
		return v
	}), followsPath, nil, in.Limit), nil
}

type adminListChannelsInput struct {
	rest.PageQuery
	ChannelFilter
	Visibility string `query:"visibility" enum:"public,unlisted,private" doc:"Only with this visibility."`
}

// AdminChannelView is a channel as those see it who run the instance.
type AdminChannelView struct {
	ChannelView
	OwnerState string `json:"owner_state" enum:"active,suspended,deleted" doc:"Channels of those who are not active are seen by staff alone."`
}

// adminList handles GET /api/v1/admin/channels.
func (h *handler) adminList(ctx context.Context, in *adminListChannelsInput) (*rest.PageOutput[AdminChannelView], error) {
	filter, values := in.filter(), in.values()
	filter.Visibility, filter.Closed = in.Visibility, true
	if in.Visibility != "" {
		values.Set("visibility", in.Visibility)
	}
	page, err := h.channels.List(ctx, filter, in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, func(ch Listed) AdminChannelView {
		return AdminChannelView{h.shown(ctx)(ch), ch.OwnerState}
	}), adminPath, values, in.Limit), nil
}
