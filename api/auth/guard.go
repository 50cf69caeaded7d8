package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"bandstand/api/rest"
)

// Names of the security schemes in the OpenAPI document.
const (
	schemeUser    = "user"
	schemeCookie  = "cookie"
	schemeService = "service"
)

// AccessCookie holds the access token of a browser.
const AccessCookie = "bandstand_access"

// Schemes describes the kinds of token for the OpenAPI document.
func Schemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		schemeUser: {
			Type: "http", Scheme: "bearer",
			Description: "Access token of a person, from POST /api/v1/auth/login, or a personal access token.",
		},
		schemeCookie: {
			Type: "apiKey", In: "cookie", Name: AccessCookie,
			Description: "The same access token in a browser. Requests that change something must come from a page of this server.",
		},
		schemeService: {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "Token of a service such as an ingest node, minted on the command line.",
		},
	}
}

// Security describes the rule for the OpenAPI document.
func (r Rule) Security() []map[string][]string {
	switch {
	case r.Service != "":
		return []map[string][]string{{schemeService: {r.Service}}}
	case r.Everyone:
		return []map[string][]string{{}, {schemeUser: {}}, {schemeCookie: {}}}
	}
	scopes := []string{}
	if r.Scope != "" {
		scopes = append(scopes, r.Scope)
	}
	return []map[string][]string{{schemeUser: scopes}, {schemeCookie: {}}}
}

// Verifier finds out who a token speaks for.
type Verifier interface {
	// Verify returns whoever token speaks for. A token that proves nothing (any more)
	// is ErrBadToken; any other error means "could not ask".
	Verify(ctx context.Context, token string) (Principal, error)
}

// GuardConfig is what the guard needs. All fields are required.
type GuardConfig struct {
	Tokens   Verifier
	Channels *Channels
}

// Guard returns middleware that lets a request through to an operation only as the
// table of permissions allows, and then in the name of its Principal and with the
// Access to the channel that its path names. No token or a bad one is 401, a channel
// that the caller may not see 404, and what the caller may not do 403. An operation
// without a rule is for nobody.
//
// Where everyone may call an operation, a token that is no longer good is as none, so
// that it does not stand in the way; except where more is seen with a good one, and
// then for a token that the caller sent knowingly, in a header. Nor does a personal
// access token there that lacks the scope.
//
// While the database cannot be asked, whoever an access token names is believed as far
// as reading goes; see Identity. Whatever changes something is 503 then.
func Guard(api huma.API, cfg GuardConfig) func(huma.Context, func(huma.Context)) {
	g := &guard{api, cfg}
	return g.pass
}

type guard struct {
	api huma.API
	cfg GuardConfig
}

func (g *guard) pass(ctx huma.Context, next func(huma.Context)) {
	rule := permissions[ctx.Operation().OperationID]
	p, err := g.principal(ctx, rule)
	if err != nil {
		g.refuse(ctx, err)
		return
	}
	if !inScope(p, rule) {
		if !rule.Everyone || rule.Viewers {
			g.refuse(ctx, errNotAllowed)
			return
		}
		p = Principal{} // as everyone
	}
	c := With(ctx.Context(), p)
	var access Access
	if rule.NeedsChannel() {
		if access, err = g.access(ctx, p); err != nil {
			g.refuse(ctx, err)
			return
		}
		c = WithAccess(c, access)
	}
	switch {
	case !rule.Admits(p, access.Role):
		g.refuse(ctx, whyNot(p, access))
	case p.Unchecked && ctx.Method() != http.MethodGet && ctx.Method() != http.MethodHead:
		g.refuse(ctx, rest.Later(errUnchecked, 2*time.Second))
	default:
		next(huma.WithContext(ctx, c))
	}
}

// whyNot returns why p, who has this access to the channel, is not admitted.
func whyNot(p Principal, access Access) error {
	switch {
	case !p.IsUser() && !p.Service:
		return errNoToken
	case access.unknown != nil:
		return access.unknown
	}
	return errNotAllowed
}

// inScope reports whether p, if it is a personal access token, may be used for what
// has the rule.
func inScope(p Principal, rule Rule) bool {
	return p.Token == uuid.Nil || (rule.Scope != "" && slices.Contains(p.Scopes, rule.Scope))
}

// Outcomes of the guard.
var (
	errNoToken    = rest.Unauthorized("unauthorized", "a bearer token is required")
	errBadToken   = rest.Unauthorized("invalid_token", "the token is not valid or has expired")
	errNotAllowed = rest.Forbidden("forbidden", "this is not for you to do")
	errUnchecked  = rest.Unavailable("unavailable", "the server cannot reach its database, try again")
)

// principal returns whoever the request speaks for; the zero Principal if nobody.
func (g *guard) principal(ctx huma.Context, rule Rule) (Principal, error) {
	token, ok := bearer(ctx.Header("Authorization"))
	inHeader := ok
	if !ok {
		if cookie, err := huma.ReadCookie(ctx, AccessCookie); err == nil {
			token, ok = cookie.Value, cookie.Value != ""
		}
	}
	if !ok {
		return Principal{}, nil
	}
	p, err := g.cfg.Tokens.Verify(ctx.Context(), token)
	switch {
	case err == nil:
		return p, nil
	case rule.Everyone && (!rule.Viewers || !inHeader):
		return Principal{}, nil
	case errors.Is(err, ErrBadToken):
		return Principal{}, errBadToken
	}
	return Principal{}, err
}

// access returns what p is on the channel that the path names.
func (g *guard) access(ctx huma.Context, p Principal) (Access, error) {
	if id := ctx.Param("broadcast"); id != "" {
		return g.cfg.Channels.ByBroadcast(ctx.Context(), p, id)
	}
	return g.cfg.Channels.BySlug(ctx.Context(), p, ctx.Param("slug"))
}

func (g *guard) refuse(ctx huma.Context, err error) {
	switch {
	case errors.Is(err, errNoToken):
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="bandstand"`)
	case errors.Is(err, errBadToken):
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="bandstand", error="invalid_token"`)
	case errors.Is(err, errNotAllowed):
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="bandstand", error="insufficient_scope"`)
	}
	status := http.StatusInternalServerError // the API tells outcomes from failures
	_ = huma.WriteErr(g.api, ctx, status, "", err)
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
