package login

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
)

// RefreshCookie holds the refresh token of a browser. It is sent to what is below
// refreshPath only, and never with a request that another site began.
const (
	RefreshCookie = "bandstand_refresh"
	refreshPath   = "/api/v1/auth"
)

// Transport is the part of an input that knows whether the request came over TLS.
type Transport struct{ tls bool }

// Resolve implements huma.Resolver.
func (t *Transport) Resolve(ctx huma.Context) []error {
	t.tls = ctx.TLS() != nil
	return nil
}

// setCookies returns the headers that give a browser the tokens of session.
func setCookies(session Session, secure bool) []string {
	return []string{
		cookie(auth.AccessCookie, session.AccessToken, "/", http.SameSiteLaxMode, session.AccessTTL, secure),
		cookie(RefreshCookie, session.RefreshToken, refreshPath, http.SameSiteStrictMode, session.RefreshTTL, secure),
	}
}

// dropCookies returns the headers that take the tokens from a browser.
func dropCookies(secure bool) []string {
	return []string{
		cookie(auth.AccessCookie, "", "/", http.SameSiteLaxMode, 0, secure),
		cookie(RefreshCookie, "", refreshPath, http.SameSiteStrictMode, 0, secure),
	}
}

// cookie returns a Set-Cookie header; with a life of zero one that takes away.
func cookie(name, value, path string, site http.SameSite, life time.Duration, secure bool) string {
	c := http.Cookie{ //nolint:gosec // Secure wherever there is TLS; without it the cookie would be lost
		Name: name, Value: value, Path: path, SameSite: site, HttpOnly: true, Secure: secure,
		MaxAge: int(life / time.Second),
	}
	if life <= 0 {
		c.MaxAge = -1
	}
	return c.String()
}
