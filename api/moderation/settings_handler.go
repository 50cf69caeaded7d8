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

func (h *handler) registerSettings(api huma.API) {
	tags := []string{"Moderation"}
	huma.Register(api, huma.Operation{
		OperationID: "get-chat-settings", Method: http.MethodGet, Path: chatPath + "settings",
		Summary: "Get what a chat allows", Tags: tags, Errors: readErrors,
	}, h.getSettings)
	huma.Register(api, huma.Operation{
		OperationID: "update-chat-settings", Method: http.MethodPatch, Path: chatPath + "settings",
		Summary: "Change what a chat allows", Tags: tags, Errors: editErrors,
		Description: "What is absent or null stays as it is. It counts at once, and whoever has the chat open is told. " +
			"Owner, broadcasters, moderators and staff are bound by enabled alone.",
	}, h.updateSettings)
	huma.Register(api, huma.Operation{
		OperationID: "get-blocked-words", Method: http.MethodGet, Path: chatPath + "blocked-words",
		Summary: "List the words that are not said in a chat", Tags: tags, Errors: memberErrors,
	}, h.getWords)
	huma.Register(api, huma.Operation{
		OperationID: "put-blocked-words", Method: http.MethodPut, Path: chatPath + "blocked-words",
		Summary: "Replace the words that are not said in a chat", Tags: tags, Errors: editErrors,
		Description: "Each is a word, or several with spaces between, and is found as a whole; with * at an end it may go on there. " +
			"It is found however it is written: in other case or letters that look alike, with accents, with digits and marks for letters, " +
			"stretched, or with something between its letters.",
	}, h.putWords)
}

// ChatSettingsView is what a chat allows.
type ChatSettingsView struct {
	Enabled     bool   `json:"enabled" doc:"Whether anybody can write." example:"true"`
	Who         string `json:"who" enum:"everyone,followers,members" doc:"Who may write, of those who are signed in. Members do not need to follow." example:"followers"`
	FollowedFor int64  `json:"followed_for" doc:"Seconds that followers must have followed." example:"600"`
	SlowMode    int64  `json:"slow_mode" doc:"Seconds between two messages of one person; 0 for none." example:"30"`
	EmotesOnly  bool   `json:"emotes_only" doc:"Whether messages have nothing but emotes and emoji." example:"false"`
	Links       bool   `json:"links" doc:"Whether messages may have links." example:"true"`
}

func viewOfSettings(s Settings) ChatSettingsView {
	return ChatSettingsView{
		Enabled: s.Enabled, Who: s.Who, FollowedFor: int64(s.FollowedFor / time.Second),
		SlowMode: int64(s.SlowMode / time.Second), EmotesOnly: s.EmotesOnly, Links: s.Links,
	}
}

// Summary returns what the chat of a channel allows, as it is shown.
func (s *Service) Summary(ctx context.Context, channel uuid.UUID) (any, error) {
	settings, err := s.Settings(ctx, channel)
	if err != nil {
		return nil, err
	}
	return viewOfSettings(settings), nil
}

type chatSettingsOutput struct {
	ETag string `header:"ETag" doc:"Names this version, for If-Match."`
	Body ChatSettingsView
}

// getSettings handles GET /api/v1/channels/{slug}/chat/settings.
func (h *handler) getSettings(ctx context.Context, _ *ChatInput) (*chatSettingsOutput, error) {
	settings, err := h.moderation.Settings(ctx, auth.AccessOf(ctx).ChannelID)
	if err != nil {
		return nil, err
	}
	return &chatSettingsOutput{ETag: rest.ETag(settings.Version), Body: viewOfSettings(settings)}, nil
}

type updateChatSettingsInput struct {
	ChatInput
	rest.IfMatch
	Body struct {
		Enabled     *bool   `json:"enabled,omitempty" doc:"Whether anybody can write." example:"true"`
		Who         *string `json:"who,omitempty" enum:"everyone,followers,members" doc:"Who may write, of those who are signed in." example:"followers"`
		FollowedFor *int64  `json:"followed_for,omitempty" minimum:"0" maximum:"31536000" doc:"Seconds that followers must have followed." example:"600"`
		SlowMode    *int64  `json:"slow_mode,omitempty" minimum:"0" maximum:"3600" doc:"Seconds between two messages of one person; 0 for none." example:"30"`
		EmotesOnly  *bool   `json:"emotes_only,omitempty" doc:"Whether messages have nothing but emotes and emoji." example:"false"`
		Links       *bool   `json:"links,omitempty" doc:"Whether messages may have links." example:"true"`
	}
}

// updateSettings handles PATCH /api/v1/channels/{slug}/chat/settings: what is absent
// stays as it is.
func (h *handler) updateSettings(ctx context.Context, in *updateChatSettingsInput) (*chatSettingsOutput, error) {
	b := &in.Body
	settings, err := h.moderation.Update(ctx, auth.AccessOf(ctx), in.IfMatch, Change{
		Enabled: b.Enabled, Who: b.Who, FollowedFor: seconds(b.FollowedFor), SlowMode: seconds(b.SlowMode),
		EmotesOnly: b.EmotesOnly, Links: b.Links,
	})
	if err != nil {
		return nil, err
	}
	return &chatSettingsOutput{ETag: rest.ETag(settings.Version), Body: viewOfSettings(settings)}, nil
}

func seconds(n *int64) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// BlockedWordsView is the words that are not said in a chat.
type BlockedWordsView struct {
	Words []string `json:"words" nullable:"false" maxItems:"200" doc:"Each of up to 60 characters, two letters or digits at least; * at an end stands for whatever follows." example:"[\"spoiler*\",\"buy followers\"]"`
}

type blockedWordsOutput struct {
	ETag string `header:"ETag" doc:"Names this version, for If-Match. It is that of the settings, too."`
	Body BlockedWordsView
}

func showWords(words []string, version int64) *blockedWordsOutput {
	if words == nil {
		words = []string{}
	}
	return &blockedWordsOutput{ETag: rest.ETag(version), Body: BlockedWordsView{Words: words}}
}

// getWords handles GET /api/v1/channels/{slug}/chat/blocked-words.
func (h *handler) getWords(ctx context.Context, _ *ChatInput) (*blockedWordsOutput, error) {
	words, version, err := h.moderation.Words(ctx, auth.AccessOf(ctx).ChannelID)
	if err != nil {
		return nil, err
	}
	return showWords(words, version), nil
}

type putBlockedWordsInput struct {
	ChatInput
	rest.IfMatch
	Body BlockedWordsView
}

// putWords handles PUT /api/v1/channels/{slug}/chat/blocked-words.
func (h *handler) putWords(ctx context.Context, in *putBlockedWordsInput) (*blockedWordsOutput, error) {
	words, version, err := h.moderation.PutWords(ctx, auth.AccessOf(ctx), in.IfMatch, in.Body.Words)
	if err != nil {
		return nil, err
	}
	return showWords(words, version), nil
}
