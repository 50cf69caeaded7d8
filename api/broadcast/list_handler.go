package broadcast

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/rest"
)

func (h *handler) registerLists(api huma.API) {
	tags := []string{"Broadcasts"}
	huma.Register(api, huma.Operation{
		OperationID: "list-broadcasts", Method: http.MethodGet, Path: "/api/v1/broadcasts",
		Summary: "List and search broadcasts of public channels", Tags: tags,
		Description: "Those on air and those published come latest first, those to come in the order of their times.",
		Errors:      []int{http.StatusBadRequest},
	}, h.list)
	huma.Register(api, huma.Operation{
		OperationID: "list-channel-broadcasts", Method: http.MethodGet, Path: channelPath,
		Summary: "List the broadcasts of a channel", Tags: tags,
		Description: "In the order of when they went on air, else are planned to. Viewers see those on air, those to come and " +
			"those published; the owner, broadcasters and staff see all.",
		Errors: []int{http.StatusBadRequest, http.StatusNotFound},
	}, h.listOf)
	huma.Register(api, huma.Operation{
		OperationID: "list-broadcast-sessions", Method: http.MethodGet, Path: broadcastPath + "/sessions",
		Summary: "List the publishers' sessions within a broadcast, with what was measured", Tags: tags,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound},
	}, h.sessions)
	huma.Register(api, huma.Operation{
		OperationID: "channel-calendar", Method: http.MethodGet, Path: "/api/v1/channels/{slug}/calendar.ics",
		Summary: "Get the broadcasts of a channel as a calendar to subscribe to", Tags: tags,
		Errors: []int{http.StatusNotFound},
		Responses: map[string]*huma.Response{
			"200": {
				Description: "iCalendar object, RFC 5545",
				Content:     map[string]*huma.MediaType{"text/calendar": {Schema: &huma.Schema{Type: huma.TypeString}}},
			},
			"304": {
				Description: "It is as If-None-Match says",
				Headers: map[string]*huma.Param{
					"ETag": {Schema: &huma.Schema{Type: huma.TypeString}}, "Cache-Control": {Schema: &huma.Schema{Type: huma.TypeString}},
				},
			},
		},
	}, h.calendar)
}

type listBroadcastsInput struct {
	State  string `query:"state" enum:"live,upcoming,ended" default:"live" doc:"On air, to come, or past and published."`
	Tag    string `query:"tag" maxLength:"30" doc:"Only with this tag." example:"jazz"`
	Search string `query:"q" maxLength:"200" doc:"Only with words that begin with these, in title, description, category or tags." example:"evening"`
	rest.PageQuery
}

// list handles GET /api/v1/broadcasts.
func (h *handler) list(ctx context.Context, in *listBroadcastsInput) (*rest.PageOutput[BroadcastView], error) {
	page, err := h.broadcasts.List(ctx, List{
		State: in.State, Tag: in.Tag, Search: in.Search, Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	query := url.Values{"state": {in.State}}
	if in.Tag != "" {
		query.Set("tag", in.Tag)
	}
	if in.Search != "" {
		query.Set("q", in.Search)
	}
	return rest.NewPageOutput(rest.MapPage(page, h.shown), "/api/v1/broadcasts", query, in.Limit), nil
}

func (h *handler) shown(b Broadcast) BroadcastView { return h.broadcasts.view(&b) }

type listChannelBroadcastsInput struct {
	Slug  string `path:"slug" maxLength:"40" doc:"Address of the channel." example:"demo"`
	State string `query:"state" enum:"prepared,scheduled,live,ended" doc:"Only in this state."`
	Order string `query:"order" enum:"latest,earliest" default:"latest" doc:"What comes first."`
	rest.PageQuery
}

// listOf handles GET /api/v1/channels/{slug}/broadcasts.
func (h *handler) listOf(ctx context.Context, in *listChannelBroadcastsInput) (*rest.PageOutput[BroadcastView], error) {
	page, err := h.broadcasts.ListOf(ctx, ChannelList{
		State: in.State, Earliest: in.Order == "earliest", Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	query := url.Values{"order": {in.Order}}
	if in.State != "" {
		query.Set("state", in.State)
	}
	return rest.NewPageOutput(rest.MapPage(page, h.shown), pathOf(ctx), query, in.Limit), nil
}

type listBroadcastSessionsInput struct {
	BroadcastInput
	rest.PageQuery
}

// sessions handles GET /api/v1/broadcasts/{broadcast}/sessions.
func (h *handler) sessions(ctx context.Context, in *listBroadcastSessionsInput) (*rest.PageOutput[BroadcastSessionView], error) {
	page, err := h.broadcasts.Sessions(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	path := "/api/v1/broadcasts/" + in.Broadcast + "/sessions"
	return rest.NewPageOutput(rest.MapPage(page, viewOfSession), path, nil, in.Limit), nil
}

type channelCalendarInput struct {
	Slug        string `path:"slug" maxLength:"40" doc:"Address of the channel." example:"demo"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"1000" doc:"ETags of what the caller has; 304 if it is one of these."`
}

type channelCalendarOutput struct {
	Status             int
	ContentType        string `header:"Content-Type"`
	ContentDisposition string `header:"Content-Disposition"`
	CacheControl       string `header:"Cache-Control"`
	ETag               string `header:"ETag"`
	Body               []byte
}

// calendar handles GET /api/v1/channels/{slug}/calendar.ics.
func (h *handler) calendar(ctx context.Context, in *channelCalendarInput) (*channelCalendarOutput, error) {
	content, etag, err := h.broadcasts.Calendar(ctx)
	if err != nil {
		return nil, err
	}
	out := &channelCalendarOutput{Status: http.StatusOK, CacheControl: "private, no-cache", ETag: etag}
	if has(in.IfNoneMatch, etag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	out.ContentType = "text/calendar; charset=utf-8"
	out.ContentDisposition = `inline; filename="` + in.Slug + `.ics"`
	out.Body = content
	return out, nil
}

// has reports whether If-None-Match names etag. RFC 9110 13.1.2: weakly.
func has(ifNoneMatch, etag string) bool {
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}
