package social

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

const (
	blocksPath   = "/api/v1/me/blocks"
	settingsPath = "/api/v1/me/social-settings"
)

func (h *handler) registerBlocks(api huma.API) {
	tags := []string{"Friends"}
	huma.Register(api, huma.Operation{
		OperationID: "list-blocks", Method: http.MethodGet, Path: blocksPath,
		Summary: "List whom you have blocked, the latest first", Tags: tags, Errors: listErrors,
	}, h.listBlocks)
	huma.Register(api, huma.Operation{
		OperationID: "block-user", Method: http.MethodPut, Path: blocksPath + "/{user}",
		Summary: "Block somebody", Tags: tags, Errors: askErrors,
		Description: "You are no longer friends, requests between you are gone, and neither can ask, invite, call or mention the other. " +
			"That person is not told. 204 also if you had blocked them before.",
		DefaultStatus: http.StatusNoContent,
	}, h.block)
	huma.Register(api, huma.Operation{
		OperationID: "unblock-user", Method: http.MethodDelete, Path: blocksPath + "/{user}",
		Summary: "Take a block back", Tags: tags, Errors: writeErrors,
		Description:   "What it ended stays ended. 204 also if there was none.",
		DefaultStatus: http.StatusNoContent,
	}, h.unblock)
	huma.Register(api, huma.Operation{
		OperationID: "get-social-settings", Method: http.MethodGet, Path: settingsPath,
		Summary: "Get what you show of yourself", Tags: tags, Errors: ownErrors,
	}, h.getSettings)
	huma.Register(api, huma.Operation{
		OperationID: "update-social-settings", Method: http.MethodPatch, Path: settingsPath,
		Summary: "Change what you show of yourself", Tags: tags, Errors: editErrors,
		Description: "What is absent or null stays as it is. Friends see it at once.",
	}, h.updateSettings)
}

type listBlocksInput struct{ rest.PageQuery }

// listBlocks handles GET /api/v1/me/blocks.
func (h *handler) listBlocks(ctx context.Context, in *listBlocksInput) (*rest.PageOutput[BlockView], error) {
	page, err := h.social.Blocks(ctx, auth.User(ctx), in.PageQuery)
	if err != nil {
		return nil, err
	}
	return rest.NewPageOutput(rest.MapPage(page, func(b Block) BlockView {
		return BlockView{viewOfPerson(b.Person), b.At}
	}), blocksPath, nil, in.Limit), nil
}

// block handles PUT /api/v1/me/blocks/{user}.
func (h *handler) block(ctx context.Context, in *OtherInput) (*struct{}, error) {
	return nil, h.social.Block(ctx, auth.User(ctx), in.User)
}

// unblock handles DELETE /api/v1/me/blocks/{user}.
func (h *handler) unblock(ctx context.Context, in *OtherInput) (*struct{}, error) {
	return nil, h.social.Unblock(ctx, auth.User(ctx), in.User)
}

type socialSettingsOutput struct {
	ETag string `header:"ETag" doc:"Names this version, for If-Match."`
	Body SocialSettingsView
}

func settingsOutput(s Settings) *socialSettingsOutput {
	return &socialSettingsOutput{
		ETag: rest.ETag(s.Version),
		Body: SocialSettingsView{ShowOnline: s.ShowOnline, ShowWatching: s.ShowWatching, AllowRequests: s.AllowRequests},
	}
}

// getSettings handles GET /api/v1/me/social-settings.
func (h *handler) getSettings(ctx context.Context, _ *struct{}) (*socialSettingsOutput, error) {
	settings, err := h.social.Settings(ctx, auth.User(ctx).UserID)
	if err != nil {
		return nil, err
	}
	return settingsOutput(settings), nil
}

type updateSocialSettingsInput struct {
	rest.IfMatch

	Body struct {
		ShowOnline    *bool   `json:"show_online,omitempty" doc:"Whether friends see that you are online, and when you were last here."`
		ShowWatching  *bool   `json:"show_watching,omitempty" doc:"Whether friends who may see it too see which channel you watch."`
		AllowRequests *string `json:"allow_requests,omitempty" enum:"everyone,nobody" doc:"Who may send you friend requests."`
	}
}

// updateSettings handles PATCH /api/v1/me/social-settings.
func (h *handler) updateSettings(ctx context.Context, in *updateSocialSettingsInput) (*socialSettingsOutput, error) {
	settings, err := h.social.UpdateSettings(ctx, auth.User(ctx).UserID, in.IfMatch, SettingsChange{
		ShowOnline: in.Body.ShowOnline, ShowWatching: in.Body.ShowWatching, AllowRequests: in.Body.AllowRequests,
	})
	if err != nil {
		return nil, err
	}
	return settingsOutput(settings), nil
}
