package channel

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerMembers(api huma.API) {
	tags := []string{"Members"}
	huma.Register(api, huma.Operation{
		OperationID: "list-members", Method: http.MethodGet, Path: "/api/v1/channels/{slug}/members",
		Summary: "List who helps to run a channel or may watch it though it is private", Tags: tags, Errors: memberErrors,
		Description: "There are 100 at most, all on one page, the oldest account first.",
	}, h.listMembers)
	huma.Register(api, huma.Operation{
		OperationID: "put-member", Method: http.MethodPut, Path: "/api/v1/channels/{slug}/members/{username}",
		Summary: "Make somebody a member, or give a member another role", Tags: tags, Errors: createErrors,
	}, h.putMember)
	huma.Register(api, huma.Operation{
		OperationID: "delete-member", Method: http.MethodDelete, Path: "/api/v1/channels/{slug}/members/{username}",
		Summary: "Take somebody's role away", Tags: tags, Errors: writeErrors,
		Description:   "Stream keys that they know stay good: rotate these.",
		DefaultStatus: http.StatusNoContent,
	}, h.deleteMember)
	huma.Register(api, huma.Operation{
		OperationID: "leave-channel", Method: http.MethodPost, Path: "/api/v1/channels/{slug}/leave",
		Summary: "Give up being a member", Tags: tags, Errors: writeErrors,
		DefaultStatus: http.StatusNoContent,
	}, h.leave)
}

// MemberView is a member of a channel.
type MemberView struct {
	PersonView
	Role      string    `json:"role" enum:"broadcaster,moderator,viewer"`
	CreatedAt time.Time `json:"created_at" doc:"When this person became a member."`
}

func viewOfMember(m Member) MemberView {
	return MemberView{PersonView: viewOfPerson(m.Username, m.DisplayName, m.Avatar), Role: m.Role, CreatedAt: m.Since}
}

// listMembers handles GET /api/v1/channels/{slug}/members.
func (h *handler) listMembers(ctx context.Context, _ *SlugInput) (*rest.PageOutput[MemberView], error) {
	members, err := h.channels.Members(ctx, auth.AccessOf(ctx))
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(rest.Page[Member]{Items: members}, viewOfMember), "", nil, 0), nil
}

// MemberInput names a person on a channel. It is embedded in inputs.
type MemberInput struct {
	SlugInput
	Username string `path:"username" maxLength:"32" doc:"Name of the person." example:"ada"`
}

type putMemberInput struct {
	MemberInput
	Body struct {
		Role string `json:"role" enum:"broadcaster,moderator,viewer" doc:"broadcaster goes on air and edits, moderator keeps order, viewer may watch though the channel is private."`
	}
}

type putMemberOutput struct{ Body MemberView }

// putMember handles PUT /api/v1/channels/{slug}/members/{username}.
func (h *handler) putMember(ctx context.Context, in *putMemberInput) (*putMemberOutput, error) {
	m, err := h.channels.PutMember(ctx, auth.AccessOf(ctx), in.Username, in.Body.Role)
	if err != nil {
		return nil, err
	}
	return &putMemberOutput{Body: viewOfMember(m)}, nil
}

// deleteMember handles DELETE /api/v1/channels/{slug}/members/{username}.
func (h *handler) deleteMember(ctx context.Context, in *MemberInput) (*struct{}, error) {
	return nil, h.channels.DeleteMember(ctx, auth.AccessOf(ctx), in.Username)
}

// leave handles POST /api/v1/channels/{slug}/leave.
func (h *handler) leave(ctx context.Context, _ *SlugInput) (*struct{}, error) {
	return nil, h.channels.Leave(ctx, auth.User(ctx), auth.AccessOf(ctx))
}
