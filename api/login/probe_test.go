package login_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
)

// contextForOnce is for what is made once for all tests, and so outlives each.
func contextForOnce() context.Context { return context.Background() }

// registerProbes adds operations of other features, to see whom they let through.
func registerProbes(to huma.API) {
	for id, method := range map[string]string{"me": http.MethodGet, "update-me": http.MethodPatch, "admin-list-users": http.MethodGet} {
		huma.Register(to, huma.Operation{OperationID: id, Method: method, Path: "/api/v1/probe/" + id, Summary: "A probe", Tags: []string{"Accounts"}},
			func(ctx context.Context, _ *struct{}) (*probeOutput, error) {
				p := auth.User(ctx)
				out := &probeOutput{}
				out.Body.Name, out.Body.Role = p.Name, string(p.Role)
				return out, nil
			})
	}
}

type probeOutput struct {
	Body struct {
		Name string `json:"name" example:"ada"`
		Role string `json:"role" example:"user"`
	}
}

func uuidV7(t *testing.T) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	return id
}
