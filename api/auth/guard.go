package auth

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Names of the security schemes in the OpenAPI document.
const (
	schemeUser    = "user"
	schemeService = "service"
)

// Schemes describes the two kinds of token for the OpenAPI document.
func Schemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		schemeUser: {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "Access token of a person, from POST /api/v1/auth/login.",
		},
		schemeService: {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "Token of a service such as an ingest node, minted on the command line.",
		},
	}
}

// Public is the security of an operation that anyone may call. A token is not
// even looked at, so that an expired one does not stand in the way.
func Public() []map[string][]string { return []map[string][]string{{}} }

// Users is the security of an operation for signed-in people.
func Users() []map[string][]string { return []map[string][]string{{schemeUser: {}}} }

// Services is the security of an operation for services with scope.
func Services(scope string) []map[string][]string {
	return []map[string][]string{{schemeService: {scope}}}
}

// Guard returns middleware that lets a request through to an operation only as
// the operation's security allows, and then in the name of its Principal. No
// token or a bad one is 401, the wrong kind of token 403. An operation that
// forgot to say what it allows, allows nothing.
func Guard(api huma.API, tokens *Tokens) func(huma.Context, func(huma.Context)) {
	refuse := func(ctx huma.Context, status int, challenge, detail string) {
		ctx.SetHeader("WWW-Authenticate", challenge)
		_ = huma.WriteErr(api, ctx, status, detail) // huma reports what it cannot write
	}
	return func(ctx huma.Context, next func(huma.Context)) {
		required := ctx.Operation().Security
		if len(required) == 1 && len(required[0]) == 0 {
			next(ctx)
			return
		}
		token, ok := bearer(ctx.Header("Authorization"))
		if !ok {
			refuse(ctx, http.StatusUnauthorized, `Bearer realm="bandstand"`, "a bearer token is required")
			return
		}
		p, err := tokens.Verify(token)
		if err != nil {
			refuse(ctx, http.StatusUnauthorized, `Bearer realm="bandstand", error="invalid_token"`,
				"the token is not valid or has expired")
			return
		}
		if !allowed(required, p) {
			refuse(ctx, http.StatusForbidden, `Bearer realm="bandstand", error="insufficient_scope"`,
				"this token does not allow the operation")
			return
		}
		next(huma.WithContext(ctx, With(ctx.Context(), p)))
	}
}

// allowed reports whether p meets one of the alternatives in required.
func allowed(required []map[string][]string, p Principal) bool {
	for _, schemes := range required {
		if _, ok := schemes[schemeUser]; ok && p.IsUser() {
			return true
		}
		if scopes, ok := schemes[schemeService]; ok && len(scopes) == 1 && p.HasScope(scopes[0]) {
			return true
		}
	}
	return false
}

// bearer returns the token of an Authorization header. RFC 6750 2.1; the name
// of the scheme is in any case (RFC 9110 11.1).
func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	token = strings.TrimSpace(token)
	return token, token != ""
}
