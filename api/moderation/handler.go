package moderation

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/rest"
)

const (
	chatPath   = "/api/v1/channels/{slug}/chat/"
	emotesPath = "/api/v1/channels/{slug}/emotes"
)

type handler struct{ moderation *Service }

// Register adds the operations of settings, bans and logs of chats, and of emotes, to
// api.
func Register(api huma.API, moderation *Service) {
	h := &handler{moderation}
	h.registerSettings(api)
	h.registerBans(api)
	h.registerLog(api)
	h.registerEmotes(api)
}

// Failures that operations document beside those that every operation may have.
// Clipped, because huma appends to them.
var (
	readErrors   = []int{http.StatusNotFound}
	memberErrors = slices.Clip(append([]int{http.StatusUnauthorized, http.StatusForbidden}, readErrors...))
	writeErrors  = slices.Clip(append([]int{http.StatusTooManyRequests}, memberErrors...))
	createErrors = slices.Clip(append([]int{http.StatusConflict}, writeErrors...))
	editErrors   = slices.Clip(append([]int{http.StatusPreconditionFailed}, writeErrors...))
)

// ChatInput names the channel of a chat. It is embedded in other inputs.
type ChatInput struct {
	Slug string `path:"slug" maxLength:"40" doc:"Address of the channel." example:"demo"`
}

// pathOf returns where something of the channel at slug is.
func pathOf(slug, what string) string { return "/api/v1/channels/" + slug + "/" + what }

// ModeratedPersonView is who was banned.
type ModeratedPersonView struct {
	ID          string            `json:"id" format:"uuid" example:"0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Username    string            `json:"username" example:"eve"`
	DisplayName string            `json:"display_name,omitempty" example:"Eve"`
	Avatar      *rest.PictureView `json:"avatar,omitempty"`
}

func viewOfPerson(p Person) ModeratedPersonView {
	return ModeratedPersonView{ID: p.ID.String(), Username: p.Username, DisplayName: p.DisplayName, Avatar: rest.Picture(rest.Avatar, p.Avatar)}
}

func textOf(id uuid.NullUUID) string {
	if !id.Valid {
		return ""
	}
	return id.UUID.String()
}
