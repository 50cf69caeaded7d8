package instance

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

const auditPath = "/api/v1/admin/audit"

func (h *handler) registerAudit(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "admin-list-audit", Method: http.MethodGet, Path: auditPath,
		Summary: "List privileged actions, newest first", Tags: []string{"Admin"},
		Errors: with(staffErrors, http.StatusBadRequest),
	}, h.listAudit)
}

// AuditView is one entry of the audit log.
type AuditView struct {
	ID         string         `json:"id" format:"uuid"`
	ActorID    string         `json:"actor_id,omitempty" format:"uuid" doc:"Who did it; absent if that was the server itself or a service."`
	Actor      string         `json:"actor" doc:"Username at that time, or system." example:"ada"`
	Action     string         `json:"action" example:"ban.create"`
	TargetKind string         `json:"target_kind" example:"ban"`
	TargetID   string         `json:"target_id,omitempty"`
	Target     string         `json:"target,omitempty" doc:"Name at that time of what it was done to." example:"192.0.2.0/24"`
	Detail     map[string]any `json:"detail,omitempty" doc:"What changed."`
	Address    string         `json:"address,omitempty" doc:"Where the request came from."`
	CreatedAt  time.Time      `json:"created_at"`
}

func viewOfAudit(e store.AuditLog) AuditView {
	v := AuditView{
		ID: e.ID.String(), ActorID: idOf(e.ActorID), Actor: e.Actor, Action: e.Action,
		TargetKind: e.TargetKind, TargetID: e.TargetID, Target: e.Target,
		Address: e.Address, CreatedAt: e.CreatedAt.Time,
	}
	if e.Detail != nil {
		_ = json.Unmarshal(e.Detail, &v.Detail) // what is no object is not ours, and left out
	}
	return v
}

type listAuditInput struct {
	rest.PageQuery

	Actor  string `query:"actor" maxLength:"64" pattern:"^[A-Za-z0-9._-]*$" doc:"Username of whoever did it, or system." example:"ada"`
	Action string `query:"action" maxLength:"64" pattern:"^[a-z._-]*$" doc:"What was done." example:"ban.create"`
	Target string `query:"target_id" maxLength:"64" pattern:"^[A-Za-z0-9._-]*$" doc:"Id of what it was done to."`
}

// listAudit handles GET /api/v1/admin/audit.
func (h *handler) listAudit(ctx context.Context, in *listAuditInput) (*rest.PageOutput[AuditView], error) {
	page, err := h.instance.AuditLog(ctx, Filter{Actor: in.Actor, Action: in.Action, Target: in.Target}, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, value := range map[string]string{"actor": in.Actor, "action": in.Action, "target_id": in.Target} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return rest.NewPageOutput(rest.MapPage(page, viewOfAudit), auditPath, query, in.Limit), nil
}
