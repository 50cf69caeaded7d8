package channel

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerFollows(api huma.API) {
	tags := []string{"Followers"}
	huma.Register(api, huma.Operation{
		OperationID: "follow", Method: http.MethodPut, Path: "/api/v1/channels/{slug}/follow",
		Summary: "Follow a channel, or choose whether to be told when it goes on air", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: createErrors,
	}, h.follow)
	huma.Register(api, huma.Operation{
		OperationID: "unfollow", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}/follow",
		Summary: "Follow a channel no more", Tags: tags,
		Description:   "204 also if you did not, and if there is no such channel.",
		DefaultStatus: http.StatusNoContent, Errors: append([]int{http.StatusTooManyRequests}, privateErrors...),
	}, h.unfollow)
	huma.Register(api, huma.Operation{
		OperationID: "list-followers", Method: http.MethodGet, Path: "/api/v1/channels/{slug}/followers",
		Summary: "List who follows a channel, the latest first", Tags: tags,
		Errors: append([]int{http.StatusBadRequest}, memberErrors...),
	}, h.listFollowers)
	huma.Register(api, huma.Operation{
		OperationID: "like", Method: http.MethodPost, Path: "/api/v1/channels/{slug}/like",
		Summary: "Like a channel, and what is on air there", Tags: tags,
		Description: "Once in ten seconds for each person, and for each address of those who are not signed in; otherwise 429 liked_lately " +
			"with Retry-After. Addresses that go on nevertheless are banned for a while. Likes are written every second.",
		Errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, h.like)
}

type followInput struct {
	SlugInput
	Body struct {
		Notify bool `json:"notify" doc:"Whether to be told when the channel goes on air."`
	}
}

// follow handles PUT /api/v1/channels/{slug}/follow.
func (h *handler) follow(ctx context.Context, in *followInput) (*struct{}, error) {
	return nil, h.channels.Follow(ctx, auth.User(ctx), auth.AccessOf(ctx), in.Body.Notify)
}

// unfollow handles DELETE /api/v1/channels/{slug}/follow.
func (h *handler) unfollow(ctx context.Context, in *SlugInput) (*struct{}, error) {
	return nil, h.channels.Unfollow(ctx, auth.User(ctx), in.Slug)
}

type listFollowersInput struct {
	SlugInput
	rest.PageQuery
}

// FollowerView is a person who follows a channel.
type FollowerView struct {
	PersonView
	FollowedAt time.Time `json:"followed_at"`
}

// listFollowers handles GET /api/v1/channels/{slug}/followers.
func (h *handler) listFollowers(ctx context.Context, in *listFollowersInput) (*rest.PageOutput[FollowerView], error) {
	at := auth.AccessOf(ctx)
	page, err := h.channels.Followers(ctx, at, in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, func(f Follower) FollowerView {
		return FollowerView{PersonView: viewOfPerson(f.Username, f.DisplayName, f.Avatar), FollowedAt: f.Since}
	}), "/api/v1/channels/"+at.Slug+"/followers", nil, in.Limit), nil
}

type likeOutput struct {
	Body struct {
		Likes int64 `json:"likes" doc:"How many the channel has, with this one." example:"340"`
	}
}

// like handles POST /api/v1/channels/{slug}/like.
func (h *handler) like(ctx context.Context, _ *SlugInput) (*likeOutput, error) {
	likes, err := h.channels.Like(ctx, auth.AccessOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &likeOutput{}
	out.Body.Likes = likes
	return out, nil
}
