package instance

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/rest"
)

func (h *handler) registerSettings(api huma.API) {
	const path = "/api/v1/admin/settings"
	tags := []string{"Admin"}
	huma.Register(api, huma.Operation{
		OperationID: "admin-get-settings", Method: http.MethodGet, Path: path,
		Summary: "Get the settings of the instance", Tags: tags, Errors: staffErrors,
	}, h.getSettings)
	huma.Register(api, huma.Operation{
		OperationID: "admin-update-settings", Method: http.MethodPatch, Path: path,
		Summary: "Change the settings of the instance", Tags: tags,
		Description: "What is null goes back to what the configuration of the server says.",
		Errors:      with(writeErrors, http.StatusPreconditionFailed),
	}, h.updateSettings)
}

// SettingsView is the settings as admins see them.
type SettingsView struct {
	Name                  string     `json:"name"`
	Description           string     `json:"description"`
	Signup                string     `json:"signup" enum:"open,invite,closed"`
	DefaultVisibility     string     `json:"default_channel_visibility" enum:"public,unlisted,private"`
	MaxChannels           int        `json:"max_channels"`
	RequireConfirmedEmail bool       `json:"require_confirmed_email"`
	ContactEmail          string     `json:"contact_email"`
	TermsURL              string     `json:"terms_url"`
	Changed               []string   `json:"changed" nullable:"false" doc:"Which of these admins have set; the others are as the configuration says." example:"[\"signup\"]"`
	UpdatedAt             *time.Time `json:"updated_at,omitempty" doc:"When they were last changed; absent if never."`
}

func viewOfSettings(k *known) SettingsView {
	s := k.settings
	v := SettingsView{
		Name: s.Name, Description: s.Description, Signup: s.Signup, DefaultVisibility: s.DefaultVisibility,
		MaxChannels: s.MaxChannels, RequireConfirmedEmail: s.RequireConfirmedEmail,
		ContactEmail: s.ContactEmail, TermsURL: s.TermsURL, Changed: k.overrides.names(),
	}
	if !k.updatedAt.IsZero() {
		v.UpdatedAt = &k.updatedAt
	}
	return v
}

type settingsOutput struct {
	ETag string `header:"ETag" doc:"Version of the settings."`
	Body SettingsView
}

func settingsOutputOf(k *known) *settingsOutput {
	return &settingsOutput{ETag: rest.ETag(k.version), Body: viewOfSettings(k)}
}

// getSettings handles GET /api/v1/admin/settings.
func (h *handler) getSettings(ctx context.Context, _ *struct{}) (*settingsOutput, error) {
	return settingsOutputOf(h.instance.current(ctx)), nil
}

type updateSettingsInput struct {
	rest.IfMatch

	Body struct {
		Name                  Setting[string] `json:"name,omitempty" minLength:"1" maxLength:"60" example:"Bandstand"`
		Description           Setting[string] `json:"description,omitempty" maxLength:"2000"`
		Signup                Setting[string] `json:"signup,omitempty" enum:"open,invite,closed" example:"invite"`
		DefaultVisibility     Setting[string] `json:"default_channel_visibility,omitempty" enum:"public,unlisted,private" doc:"Of new channels."`
		MaxChannels           Setting[int]    `json:"max_channels,omitempty" minimum:"0" maximum:"10000" doc:"Of one person who is not an admin."`
		RequireConfirmedEmail Setting[bool]   `json:"require_confirmed_email,omitempty" doc:"Whether only people with a confirmed address may make channels."`
		ContactEmail          Setting[string] `json:"contact_email,omitempty" maxLength:"254" example:"admin@example.org"`
		TermsURL              Setting[string] `json:"terms_url,omitempty" maxLength:"1024" example:"https://example.org/terms"`
	}
}

// updateSettings handles PATCH /api/v1/admin/settings: what is absent stays as it is.
func (h *handler) updateSettings(ctx context.Context, in *updateSettingsInput) (*settingsOutput, error) {
	k, err := h.instance.updateSettings(ctx, in.IfMatch, Change{
		Name: in.Body.Name, Description: in.Body.Description, Signup: in.Body.Signup,
		DefaultVisibility: in.Body.DefaultVisibility, MaxChannels: in.Body.MaxChannels,
		RequireConfirmedEmail: in.Body.RequireConfirmedEmail,
		ContactEmail:          in.Body.ContactEmail, TermsURL: in.Body.TermsURL,
	})
	if err != nil {
		return nil, err
	}
	return settingsOutputOf(k), nil
}
