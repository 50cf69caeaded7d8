package instance

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/rest"
)

const bansPath = "/api/v1/admin/bans"

func (h *handler) registerBans(api huma.API) {
	tags := []string{"Admin"}
	huma.Register(api, huma.Operation{
		OperationID: "admin-list-bans", Method: http.MethodGet, Path: bansPath,
		Summary: "List bans, newest first", Tags: tags, Errors: with(staffErrors, http.StatusBadRequest),
	}, h.listBans)
	huma.Register(api, huma.Operation{
		OperationID: "admin-create-ban", Method: http.MethodPost, Path: bansPath,
		Summary: "Ban an address or a network", Tags: tags,
		Description: "Requests from there are refused, and publishers. Moderators ban networks up to /16 in IPv4 and /32 in IPv6, " +
			"admins up to /8 and /16. Nobody bans the own address, this machine, or a proxy of this server.",
		DefaultStatus: http.StatusCreated, Errors: with(writeErrors, http.StatusConflict),
	}, h.createBan)
	huma.Register(api, huma.Operation{
		OperationID: "admin-lift-ban", Method: http.MethodDelete, Path: bansPath + "/{id}",
		Summary: "Lift a ban", Tags: tags,
		DefaultStatus: http.StatusNoContent, Errors: with(writeErrors, http.StatusNotFound),
	}, h.liftBan)
}

// BanView is a ban as staff sees it.
type BanView struct {
	ID        string     `json:"id" format:"uuid"`
	Network   string     `json:"network" example:"192.0.2.7/32"`
	Reason    string     `json:"reason"`
	Automatic bool       `json:"automatic" doc:"Whether the server banned by itself, for too many requests."`
	CreatedBy string     `json:"created_by,omitempty" doc:"Username; absent if automatic, or if that account is gone."`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent for never."`
	LiftedAt  *time.Time `json:"lifted_at,omitempty" doc:"When somebody lifted it."`
	State     string     `json:"state" enum:"active,expired,lifted"`
}

func (s *Service) viewOfBan(b Ban) BanView {
	v := BanView{
		ID: b.ID.String(), Network: b.Network.String(), Reason: b.Reason, Automatic: b.Automatic,
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

type listBansInput struct {
	rest.PageQuery

	Active bool `query:"active" doc:"Only those in force; otherwise also those that ended within the last 90 days."`
}

// listBans handles GET /api/v1/admin/bans.
func (h *handler) listBans(ctx context.Context, in *listBansInput) (*rest.PageOutput[BanView], error) {
	page, err := h.instance.Bans(ctx, in.Active, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if in.Active {
		query.Set("active", "true")
	}
	return rest.NewPageOutput(rest.MapPage(page, h.instance.viewOfBan), bansPath, query, in.Limit), nil
}

type createBanInput struct {
	Body struct {
		Network   string     `json:"network" minLength:"1" maxLength:"64" doc:"An address, or a network as CIDR. An IPv6 address alone stands for its /64." example:"192.0.2.0/24"`
		Reason    string     `json:"reason" minLength:"1" maxLength:"200" doc:"For staff." example:"spam"`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent for never."`
	}
}

type createBanOutput struct {
	Location string `header:"Location" doc:"Address of the new ban in this API."`
	Body     BanView
}

// createBan handles POST /api/v1/admin/bans.
func (h *handler) createBan(ctx context.Context, in *createBanInput) (*createBanOutput, error) {
	var expires time.Time
	if in.Body.ExpiresAt != nil {
		expires = *in.Body.ExpiresAt
	}
	b, err := h.instance.CreateBan(ctx, in.Body.Network, in.Body.Reason, expires)
	if err != nil {
		return nil, err
	}
	return &createBanOutput{Location: bansPath + "/" + b.ID.String(), Body: h.instance.viewOfBan(b)}, nil
}

type liftBanInput struct {
	ID string `path:"id" maxLength:"36" doc:"Id of the ban."`
}

// liftBan handles DELETE /api/v1/admin/bans/{id}.
func (h *handler) liftBan(ctx context.Context, in *liftBanInput) (*struct{}, error) {
	return nil, h.instance.LiftBan(ctx, in.ID)
}
