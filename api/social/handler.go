package social

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

type handler struct{ social *Service }

// Register adds the operations of friends, requests, blocks, settings and the inbox to
// api.
func Register(api huma.API, social *Service) {
	h := &handler{social}
	h.registerFriends(api)
	h.registerBlocks(api)
	h.registerInbox(api)
}

// Failures that operations document beside those that every operation may have.
// Clipped, because huma appends to them.
var (
	ownErrors   = []int{http.StatusUnauthorized, http.StatusForbidden}
	listErrors  = with(ownErrors, http.StatusBadRequest)
	writeErrors = with(ownErrors, http.StatusNotFound, http.StatusTooManyRequests)
	askErrors   = with(writeErrors, http.StatusConflict)
	editErrors  = with(ownErrors, http.StatusTooManyRequests, http.StatusPreconditionFailed)
)

func with(errors []int, more ...int) []int { return slices.Clip(slices.Concat(errors, more)) }

const (
	friendsPath  = "/api/v1/me/friends"
	requestsPath = "/api/v1/me/friend-requests"
)

func (h *handler) registerFriends(api huma.API) {
	tags := []string{"Friends"}
	huma.Register(api, huma.Operation{
		OperationID: "list-friends", Method: http.MethodGet, Path: friendsPath,
		Summary: "List your friends with what they are doing, the latest friendship first", Tags: tags, Errors: listErrors,
	}, h.listFriends)
	huma.Register(api, huma.Operation{
		OperationID: "remove-friend", Method: http.MethodDelete, Path: friendsPath + "/{user}",
		Summary: "Be no longer somebody's friend", Tags: tags, Errors: writeErrors,
		Description: "204 also if you were not.", DefaultStatus: http.StatusNoContent,
	}, h.removeFriend)
	huma.Register(api, huma.Operation{
		OperationID: "list-friend-requests", Method: http.MethodGet, Path: requestsPath,
		Summary: "List friend requests that wait, the latest first", Tags: tags, Errors: listErrors,
	}, h.listRequests)
	huma.Register(api, huma.Operation{
		OperationID: "send-friend-request", Method: http.MethodPost, Path: requestsPath,
		Summary: "Ask somebody to be your friend", Tags: tags, Errors: askErrors,
		Description: "If that person has asked you, you are friends at once. 30 requests a day, 100 that wait and 1000 friends at most. " +
			"You are not told of a request that is declined; you may ask again after a week.",
		DefaultStatus: http.StatusCreated,
	}, h.sendRequest)
	huma.Register(api, huma.Operation{
		OperationID: "accept-friend-request", Method: http.MethodPost, Path: requestsPath + "/{request}/accept",
		Summary: "Accept a friend request", Tags: tags, Errors: askErrors,
	}, h.acceptRequest)
	huma.Register(api, huma.Operation{
		OperationID: "decline-friend-request", Method: http.MethodPost, Path: requestsPath + "/{request}/decline",
		Summary: "Decline a friend request", Tags: tags, Errors: writeErrors,
		Description: "Whoever asked is not told.", DefaultStatus: http.StatusNoContent,
	}, h.declineRequest)
	huma.Register(api, huma.Operation{
		OperationID: "cancel-friend-request", Method: http.MethodDelete, Path: requestsPath + "/{request}",
		Summary: "Take a friend request back that you have sent", Tags: tags, Errors: writeErrors,
		DefaultStatus: http.StatusNoContent,
	}, h.cancelRequest)
}

// OtherInput names another person. It is embedded in other inputs.
type OtherInput struct {
	User string `path:"user" maxLength:"36" doc:"Username or id of the person." example:"ada"`
}

// FriendRequestInput names a friend request.
type FriendRequestInput struct {
	Request uuid.UUID `path:"request" format:"uuid" doc:"Id of the request."`
}

type listFriendsInput struct{ rest.PageQuery }

// listFriends handles GET /api/v1/me/friends.
func (h *handler) listFriends(ctx context.Context, in *listFriendsInput) (*rest.PageOutput[FriendView], error) {
	page, err := h.social.Friends(ctx, auth.User(ctx), in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfFriend), friendsPath, nil, in.Limit), nil
}

// removeFriend handles DELETE /api/v1/me/friends/{user}.
func (h *handler) removeFriend(ctx context.Context, in *OtherInput) (*struct{}, error) {
	return nil, h.social.Remove(ctx, auth.User(ctx), in.User)
}

type listFriendRequestsInput struct {
	rest.PageQuery

	Direction string `query:"direction" enum:"in,out" default:"in" doc:"in: those who ask you; out: whom you have asked."`
}

// listRequests handles GET /api/v1/me/friend-requests.
func (h *handler) listRequests(ctx context.Context, in *listFriendRequestsInput) (*rest.PageOutput[FriendRequestView], error) {
	page, err := h.social.Requests(ctx, auth.User(ctx), in.Direction == "in", in.PageQuery)
	if err != nil {
		return nil, err
	}
	query := url.Values{"direction": {in.Direction}}
	return rest.NewPageOutput(rest.MapPage(page, viewOfRequest), requestsPath, query, in.Limit), nil
}

type sendFriendRequestInput struct {
	Body struct {
		User string `json:"user" minLength:"2" maxLength:"36" doc:"Username or id of the person." example:"ada"`
		Note string `json:"note,omitempty" maxLength:"200" doc:"A line to that person." example:"We met at the festival"`
	}
}

type sendFriendRequestOutput struct {
	Location string `header:"Location" doc:"Address of the request, or of the friend, in this API."`
	Body     struct {
		FriendRequestView

		State string `json:"state" enum:"pending,accepted" doc:"accepted: you are friends, as that person had asked you."`
	}
}

// sendRequest handles POST /api/v1/me/friend-requests.
func (h *handler) sendRequest(ctx context.Context, in *sendFriendRequestInput) (*sendFriendRequestOutput, error) {
	r, err := h.social.Ask(ctx, auth.User(ctx), in.Body.User, in.Body.Note)
	if err != nil {
		return nil, err
	}
	out := &sendFriendRequestOutput{Location: requestsPath + "/" + r.ID.String()}
	out.Body.FriendRequestView, out.Body.State = viewOfRequest(r), "pending"
	if r.Accepted {
		out.Location, out.Body.State = friendsPath+"/"+r.Person.ID.String(), "accepted"
	}
	return out, nil
}

type acceptFriendRequestOutput struct{ Body FriendView }

// acceptRequest handles POST /api/v1/me/friend-requests/{request}/accept.
func (h *handler) acceptRequest(ctx context.Context, in *FriendRequestInput) (*acceptFriendRequestOutput, error) {
	f, err := h.social.Accept(ctx, auth.User(ctx), in.Request)
	if err != nil {
		return nil, err
	}
	return &acceptFriendRequestOutput{viewOfFriend(f)}, nil
}

// declineRequest handles POST /api/v1/me/friend-requests/{request}/decline.
func (h *handler) declineRequest(ctx context.Context, in *FriendRequestInput) (*struct{}, error) {
	return nil, h.social.Decline(ctx, auth.User(ctx), in.Request)
}

// cancelRequest handles DELETE /api/v1/me/friend-requests/{request}.
func (h *handler) cancelRequest(ctx context.Context, in *FriendRequestInput) (*struct{}, error) {
	return nil, h.social.Cancel(ctx, auth.User(ctx), in.Request)
}
