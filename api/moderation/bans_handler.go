package moderation

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

func (h *handler) registerBans(api huma.API) {
	tags := []string{"Moderation"}
	huma.Register(api, huma.Operation{
		OperationID: "list-chat-bans", Method: http.MethodGet, Path: chatPath + "bans",
		Summary: "List who may not write in a chat, or could not, newest first", Tags: tags, Errors: memberErrors,
		Description: "Bans are remembered for 90 days after they have ended.",
	}, h.listBans)
	huma.Register(api, huma.Operation{
		OperationID: "create-chat-ban", Method: http.MethodPost, Path: chatPath + "bans",
		Summary: "Keep somebody from writing in a chat, for a while or until it is lifted", Tags: tags,
		Description: "It takes the place of an earlier ban of the same person, and counts at once, on the socket too. They can still read. " +
			"Nobody bans the owner, staff or themselves; those who help to run the channel are banned by the owner or staff.",
		DefaultStatus: http.StatusCreated, Errors: createErrors,
	}, h.createBan)
	huma.Register(api, huma.Operation{
		OperationID: "lift-chat-ban", Method: http.MethodDelete, Path: chatPath + "bans/{ban}",
		Summary: "Let somebody write in a chat again", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: writeErrors,
	}, h.liftBan)
}

// ChatBanView is that somebody may not write in a chat, or could not.
type ChatBanView struct {
	ID        string              `json:"id" format:"uuid" example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	User      ModeratedPersonView `json:"user"`
	Address   bool                `json:"address" doc:"Whether others who come from where this person did may not write either." example:"false"`
	Reason    string              `json:"reason" example:"spoilers"`
	CreatedBy string              `json:"created_by,omitempty" doc:"Username; absent if that account is gone." example:"ada"`
	CreatedAt time.Time           `json:"created_at"`
	ExpiresAt *time.Time          `json:"expires_at,omitempty" doc:"Absent for until it is lifted."`
	LiftedAt  *time.Time          `json:"lifted_at,omitempty" doc:"When somebody lifted it, or put another ban in its place."`
	State     string              `json:"state" enum:"active,expired,lifted" example:"active"`
}

func (s *Service) viewOfBan(b Ban) ChatBanView {
	v := ChatBanView{
		ID: b.ID.String(), User: viewOfPerson(b.Of), Address: b.Household, Reason: b.Reason,
		CreatedBy: b.CreatedBy, CreatedAt: b.CreatedAt, State: "active",
	}
	if !b.ExpiresAt.IsZero() {
		v.ExpiresAt = &b.ExpiresAt
		if !b.ExpiresAt.After(s.cfg.Now()) {
			v.State = "expired"
		}
	}
	if !b.LiftedAt.IsZero() {
		v.LiftedAt = &b.LiftedAt
		v.State = "lifted"
	}
	return v
}

type listChatBansInput struct {
	ChatInput
	rest.PageQuery

	Active bool   `query:"active" doc:"Only those in force."`
	User   string `query:"user" maxLength:"32" pattern:"^[A-Za-z0-9_-]*$" doc:"Only those of the person with this name." example:"eve"`
}

// listBans handles GET /api/v1/channels/{slug}/chat/bans.
func (h *handler) listBans(ctx context.Context, in *listChatBansInput) (*rest.PageOutput[ChatBanView], error) {
	at := auth.AccessOf(ctx)
	page, err := h.moderation.Bans(ctx, at.ChannelID, BanFilter{Active: in.Active, Username: in.User}, in.PageQuery)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if in.Active {
		query.Set("active", "true")
	}
	if in.User != "" {
		query.Set("user", in.User)
	}
	return rest.NewPageOutput(rest.MapPage(page, h.moderation.viewOfBan), pathOf(at.Slug, "chat/bans"), query, in.Limit), nil
}

type createChatBanInput struct {
	ChatInput
	Body struct {
		User           string `json:"user" minLength:"1" maxLength:"32" pattern:"^[A-Za-z0-9_-]+$" doc:"Name of the person." example:"eve"`
		Duration       int64  `json:"duration,omitempty" minimum:"1" maximum:"31536000" doc:"Seconds; absent for until it is lifted." example:"600"`
		Address        bool   `json:"address,omitempty" doc:"Whether it is also for others who come from where this person was last, if that is known: all of an IPv4 address, a /64 of IPv6." example:"false"`
		Reason         string `json:"reason,omitempty" maxLength:"200" doc:"For moderators and the person." example:"spoilers"`
		DeleteMessages string `json:"delete_messages,omitempty" enum:"none,1h,all" default:"none" doc:"Which of the person's messages in this chat are deleted: none, those of the last hour, or all." example:"1h"`
	}
}

type createChatBanOutput struct {
	Location string `header:"Location" doc:"Address of the new ban in this API."`
	Body     ChatBanView
}

// createBan handles POST /api/v1/channels/{slug}/chat/bans.
func (h *handler) createBan(ctx context.Context, in *createChatBanInput) (*createChatBanOutput, error) {
	at := auth.AccessOf(ctx)
	ban, err := h.moderation.Ban(ctx, at, BanRequest{
		Username: in.Body.User, For: time.Duration(in.Body.Duration) * time.Second, Household: in.Body.Address,
		Reason: in.Body.Reason, Delete: in.Body.DeleteMessages,
	})
	if err != nil {
		return nil, err
	}
	return &createChatBanOutput{
		Location: pathOf(at.Slug, "chat/bans/"+ban.ID.String()), Body: h.moderation.viewOfBan(ban),
	}, nil
}

type liftChatBanInput struct {
	ChatInput
	Ban string `path:"ban" maxLength:"36" doc:"Id of the ban." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

// liftBan handles DELETE /api/v1/channels/{slug}/chat/bans/{ban}.
func (h *handler) liftBan(ctx context.Context, in *liftChatBanInput) (*struct{}, error) {
	return nil, h.moderation.LiftBan(ctx, auth.AccessOf(ctx), in.Ban)
}
