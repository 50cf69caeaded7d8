package moderation

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const instanceEmotesPath = "/api/v1/admin/emotes"

func (h *handler) registerEmotes(api huma.API) {
	tags := []string{"Emotes"}
	huma.Register(api, huma.Operation{
		OperationID: "list-emotes", Method: http.MethodGet, Path: emotesPath,
		Summary: "List the emotes of a channel, and those of the instance", Tags: tags, Errors: readErrors,
		Description: "All are on one page, by code, those of the channel first. Where both have a code, that of the channel is shown. " +
			"Those without a picture are for those who help to run the channel, and for staff.",
	}, h.listEmotes)
	huma.Register(api, huma.Operation{
		OperationID: "create-emote", Method: http.MethodPost, Path: emotesPath,
		Summary: "Make an emote of a channel", Tags: tags,
		Description:   "There are 100 at most. It can be used as soon as its picture is ready: send that next.",
		DefaultStatus: http.StatusCreated, Errors: createErrors,
	}, h.createEmote)
	huma.Register(api, huma.Operation{
		OperationID: "delete-emote", Method: http.MethodDelete, Path: emotesPath + "/{emote}",
		Summary: "Delete an emote of a channel with its picture", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: writeErrors,
	}, h.deleteEmote)
	huma.Register(api, huma.Operation{
		OperationID: "admin-list-emotes", Method: http.MethodGet, Path: instanceEmotesPath,
		Summary: "List the emotes of the instance, those without a picture too", Tags: tags, Errors: memberErrors,
	}, h.listInstanceEmotes)
	huma.Register(api, huma.Operation{
		OperationID: "admin-create-emote", Method: http.MethodPost, Path: instanceEmotesPath,
		Summary: "Make an emote for all channels", Tags: tags,
		Description:   "There are 100 at most. It can be used as soon as its picture is ready: send that next.",
		DefaultStatus: http.StatusCreated, Errors: createErrors,
	}, h.createInstanceEmote)
	huma.Register(api, huma.Operation{
		OperationID: "admin-delete-emote", Method: http.MethodDelete, Path: instanceEmotesPath + "/{emote}",
		Summary: "Delete an emote of the instance with its picture", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: writeErrors,
	}, h.deleteInstanceEmote)
}

// EmoteView is a picture that stands for a word between colons.
type EmoteView struct {
	ID        string            `json:"id" format:"uuid" example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Code      string            `json:"code" doc:"The word." example:"wave"`
	Scope     string            `json:"scope" enum:"channel,instance" doc:"Where it can be used." example:"channel"`
	Picture   *rest.PictureView `json:"picture,omitempty" doc:"Absent until it is ready."`
	CreatedBy string            `json:"created_by,omitempty" doc:"Username; absent if that account is gone." example:"ada"`
	CreatedAt time.Time         `json:"created_at"`
}

func viewOfEmote(e Emote) EmoteView {
	v := EmoteView{
		ID: e.ID.String(), Code: e.Code, Scope: "channel", Picture: rest.Picture(rest.Emote, e.Picture),
		CreatedBy: e.CreatedBy, CreatedAt: e.CreatedAt,
	}
	if e.Channel == uuid.Nil {
		v.Scope = "instance"
	}
	return v
}

// listEmotes handles GET /api/v1/channels/{slug}/emotes.
func (h *handler) listEmotes(ctx context.Context, _ *ChatInput) (*rest.PageOutput[EmoteView], error) {
	at := auth.AccessOf(ctx)
	return h.showEmotes(ctx, at.ChannelID, isPrivileged(at, auth.User(ctx)))
}

// listInstanceEmotes handles GET /api/v1/admin/emotes.
func (h *handler) listInstanceEmotes(ctx context.Context, _ *struct{}) (*rest.PageOutput[EmoteView], error) {
	return h.showEmotes(ctx, uuid.Nil, true)
}

func (h *handler) showEmotes(ctx context.Context, channel uuid.UUID, all bool) (*rest.PageOutput[EmoteView], error) {
	emotes, err := h.moderation.ListEmotes(ctx, channel, all)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(rest.Page[Emote]{Items: emotes}, viewOfEmote), "", nil, 0), nil
}

// EmoteBody is what an emote is made of.
type EmoteBody struct {
	Code string `json:"code" minLength:"2" maxLength:"24" pattern:"^[A-Za-z0-9_]+$" doc:"The word: 2 to 24 letters, digits and underscores." example:"wave"`
}

type createEmoteInput struct {
	ChatInput
	Body EmoteBody
}

type createInstanceEmoteInput struct{ Body EmoteBody }

type createEmoteOutput struct {
	Location string `header:"Location" doc:"Address of the new emote in this API; that of its picture is below."`
	Body     EmoteView
}

// createEmote handles POST /api/v1/channels/{slug}/emotes.
func (h *handler) createEmote(ctx context.Context, in *createEmoteInput) (*createEmoteOutput, error) {
	at := auth.AccessOf(ctx)
	e, err := h.moderation.CreateEmote(ctx, at.ChannelID, in.Body.Code)
	if err != nil {
		return nil, err
	}
	return &createEmoteOutput{Location: pathOf(at.Slug, "emotes/"+e.ID.String()), Body: viewOfEmote(e)}, nil
}

// createInstanceEmote handles POST /api/v1/admin/emotes.
func (h *handler) createInstanceEmote(ctx context.Context, in *createInstanceEmoteInput) (*createEmoteOutput, error) {
	e, err := h.moderation.CreateEmote(ctx, uuid.Nil, in.Body.Code)
	if err != nil {
		return nil, err
	}
	return &createEmoteOutput{Location: instanceEmotesPath + "/" + e.ID.String(), Body: viewOfEmote(e)}, nil
}

// EmoteIDInput names an emote. It is embedded in other inputs.
type EmoteIDInput struct {
	Emote string `path:"emote" maxLength:"36" doc:"Id of the emote." example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
}

type deleteEmoteInput struct {
	ChatInput
	EmoteIDInput
}

// deleteEmote handles DELETE /api/v1/channels/{slug}/emotes/{emote}.
func (h *handler) deleteEmote(ctx context.Context, in *deleteEmoteInput) (*struct{}, error) {
	return nil, h.moderation.DeleteEmote(ctx, auth.AccessOf(ctx).ChannelID, in.Emote)
}

// deleteInstanceEmote handles DELETE /api/v1/admin/emotes/{emote}.
func (h *handler) deleteInstanceEmote(ctx context.Context, in *EmoteIDInput) (*struct{}, error) {
	return nil, h.moderation.DeleteEmote(ctx, uuid.Nil, in.Emote)
}
