package instance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

func (h *handler) registerInstance(api huma.API) {
	text := &huma.Header{Schema: &huma.Schema{Type: huma.TypeString}}
	huma.Register(api, huma.Operation{
		OperationID: "get-instance", Method: http.MethodGet, Path: "/api/v1/instance",
		Summary: "What this server is and can do", Tags: []string{"Instance"},
		Responses: map[string]*huma.Response{"304": {
			Description: "It is as If-None-Match says.",
			Headers:     map[string]*huma.Header{"ETag": text, "Cache-Control": text},
		}},
	}, h.get)
}

// InstanceView is what everyone is told about the server.
type InstanceView struct {
	Name                  string       `json:"name" example:"Bandstand"`
	Description           string       `json:"description"`
	Version               string       `json:"version" doc:"Of the program." example:"1.2.3"`
	URL                   string       `json:"url,omitempty" format:"uri" doc:"How people reach the server; absent if it does not know." example:"https://live.example.org"`
	Signup                string       `json:"signup" enum:"open,invite,closed" doc:"Who may sign up: everyone, whoever has an invite code, nobody."`
	RequireConfirmedEmail bool         `json:"require_confirmed_email" doc:"Whether only people with a confirmed address may make channels."`
	DefaultVisibility     string       `json:"default_channel_visibility" enum:"public,unlisted,private" doc:"Of new channels."`
	MaxChannels           int          `json:"max_channels" doc:"Of one person."`
	ContactEmail          string       `json:"contact_email,omitempty" example:"admin@example.org"`
	TermsURL              string       `json:"terms_url,omitempty" format:"uri"`
	Ingest                []IngestView `json:"ingest" nullable:"false" doc:"Where publishers go."`
	Features              FeaturesView `json:"features"`
	Limits                LimitsView   `json:"limits"`
	Ladder                []RungView   `json:"ladder" nullable:"false" doc:"Renditions below a source, where the channel has no ladder of its own."`
}

// view shows the instance to everyone.
func (s *Service) view() InstanceView {
	settings, about := s.Settings(), s.cfg.About
	v := InstanceView{
		Name: settings.Name, Description: settings.Description, Version: about.Version, URL: about.URL,
		Signup: settings.Signup, RequireConfirmedEmail: settings.RequireConfirmedEmail,
		DefaultVisibility: settings.DefaultVisibility, MaxChannels: settings.MaxChannels,
		ContactEmail: settings.ContactEmail, TermsURL: settings.TermsURL,
		Ingest: about.Ingest, Features: about.Features, Limits: about.Limits, Ladder: about.Ladder,
	}
	if v.Version == "" {
		v.Version = "dev"
	}
	if v.Ingest == nil {
		v.Ingest = []IngestView{}
	}
	if v.Ladder == nil {
		v.Ladder = []RungView{}
	}
	return v
}

type getInstanceInput struct {
	IfNoneMatch string `header:"If-None-Match" maxLength:"200" doc:"ETag of what is known already; 304 if that is still so."`
}

type getInstanceOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         InstanceView
}

// get handles GET /api/v1/instance. It does not ask the database.
func (h *handler) get(_ context.Context, in *getInstanceInput) (*getInstanceOutput, error) {
	out := &getInstanceOutput{Status: http.StatusOK, CacheControl: "public, max-age=5", Body: h.instance.view()}
	doc, err := json.Marshal(out.Body)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(doc)
	out.ETag = `"` + hex.EncodeToString(sum[:8]) + `"`
	for tag := range strings.SplitSeq(in.IfNoneMatch, ",") { // RFC 9110 13.1.2
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == out.ETag {
			out.Status = http.StatusNotModified
		}
	}
	return out, nil
}
