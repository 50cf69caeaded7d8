package auth_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
)

var (
	secret = []byte(strings.Repeat("s", 32))
	now    = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
)

func newTokens(t *testing.T, at time.Time, secret []byte, previous ...[]byte) *auth.Tokens {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: secret, Previous: previous, Now: func() time.Time { return at }})
	require.NoError(t, err)
	return tokens
}

func TestTokensSpeakForWhomTheyWereMade(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, now, secret)
	id := uuid.Must(uuid.NewV7())
	token, ttl, err := tokens.Access(id, "ada", auth.RoleAdmin)
	require.NoError(t, err)
	require.Equal(t, 15*time.Minute, ttl)
	p, err := tokens.Verify(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, auth.Principal{UserID: id, Name: "ada", Role: auth.RoleAdmin}, p)
	require.True(t, p.IsAdmin())
	require.False(t, p.HasScope(auth.ScopeIngest))

	login := uuid.Must(uuid.NewV7())
	token, _, err = tokens.AccessOf(login, id, "ada", auth.RoleUser)
	require.NoError(t, err)
	p, err = tokens.Verify(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, auth.Principal{UserID: id, Name: "ada", Role: auth.RoleUser, Login: login}, p)

	token, err = tokens.Service("ingest-1", []string{auth.ScopeIngest, "other"}, time.Hour)
	require.NoError(t, err)
	p, err = tokens.Verify(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, auth.Principal{Name: "ingest-1", Service: true, Scopes: []string{"ingest", "other"}}, p)
	require.True(t, p.HasScope(auth.ScopeIngest))
	require.False(t, p.HasScope("ing"))
	require.False(t, p.IsUser())
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	token, _, err := newTokens(t, now, secret).Access(uuid.New(), "ada", auth.RoleUser)
	require.NoError(t, err)
	for at, good := range map[time.Duration]bool{
		-time.Minute:     false, // from the future
		0:                true,
		14 * time.Minute: true,
		16 * time.Minute: false,
	} {
		_, err := newTokens(t, now.Add(at), secret).Verify(t.Context(), token)
		if good {
			require.NoError(t, err, at)
		} else {
			require.ErrorIs(t, err, auth.ErrBadToken, at)
		}
	}
}

func TestSecretCanBeChanged(t *testing.T) {
	t.Parallel()
	next := []byte(strings.Repeat("n", 32))
	token, _, err := newTokens(t, now, secret).Access(uuid.New(), "ada", auth.RoleUser)
	require.NoError(t, err)
	_, err = newTokens(t, now, next, secret).Verify(t.Context(), token)
	require.NoError(t, err)
	_, err = newTokens(t, now, next).Verify(t.Context(), token)
	require.ErrorIs(t, err, auth.ErrBadToken)
}

// TestBadTokens makes tokens with our own key that differ from good ones in one way.
func TestBadTokens(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, now, secret)
	key, err := hkdf.Key(sha256.New, secret, nil, "bandstand token signature", sha256.Size)
	require.NoError(t, err)
	name := sha256.Sum256(key)
	kid := hex.EncodeToString(name[:4])
	id := uuid.NewString()

	good := func() jwt.MapClaims {
		return jwt.MapClaims{
			"iss": "bandstand", "aud": "bandstand-api", "sub": id, "role": "user", "name": "ada",
			"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		}
	}
	with := func(claim string, value any) jwt.MapClaims {
		c := good()
		if c[claim] = value; value == nil {
			delete(c, claim)
		}
		return c
	}
	sign := func(method jwt.SigningMethod, kid any, key any, c jwt.MapClaims) string {
		token := jwt.NewWithClaims(method, c)
		if kid != nil {
			token.Header["kid"] = kid
		}
		text, err := token.SignedString(key)
		require.NoError(t, err)
		return text
	}
	hs256 := func(c jwt.MapClaims) string { return sign(jwt.SigningMethodHS256, kid, key, c) }

	_, err = tokens.Verify(t.Context(), hs256(good()))
	require.NoError(t, err, "the tests below change this one")

	whole := hs256(good())
	parts := strings.Split(whole, ".")
	admin := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"bandstand","aud":"bandstand-api","sub":"` + id + `","role":"admin","exp":4102444800}`))
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, whole[len(whole)-1])
	tests := map[string]string{
		"empty":             "",
		"bits at the end":   whole[:len(whole)-1] + digits[last^1:last^1+1], // that base64 does not need
		"not a token":       "a.b.c",
		"huge":              whole + strings.Repeat("a", 5000),
		"no signature":      parts[0] + "." + parts[1] + ".",
		"other claims":      parts[0] + "." + admin + "." + parts[2],
		"alg none":          sign(jwt.SigningMethodNone, kid, jwt.UnsafeAllowNoneSignatureType, good()),
		"alg HS512":         sign(jwt.SigningMethodHS512, kid, key, good()),
		"secret itself":     sign(jwt.SigningMethodHS256, kid, secret, good()),
		"no key id":         sign(jwt.SigningMethodHS256, nil, key, good()),
		"unknown key id":    sign(jwt.SigningMethodHS256, "../../dev/null", key, good()),
		"key id not text":   sign(jwt.SigningMethodHS256, 1, key, good()),
		"no expiry":         hs256(with("exp", nil)),
		"expired":           hs256(with("exp", now.Add(-time.Minute).Unix())),
		"from the future":   hs256(with("iat", now.Add(time.Minute).Unix())),
		"not yet valid":     hs256(with("nbf", now.Add(time.Minute).Unix())),
		"other issuer":      hs256(with("iss", "someone")),
		"no issuer":         hs256(with("iss", nil)),
		"other audience":    hs256(with("aud", "someone")),
		"no audience":       hs256(with("aud", nil)),
		"no subject":        hs256(with("sub", nil)),
		"subject no id":     hs256(with("sub", "ada")),
		"subject zero":      hs256(with("sub", uuid.Nil.String())),
		"no role":           hs256(with("role", nil)),
		"unknown role":      hs256(with("role", "emperor")),
		"nameless service":  hs256(with("sub", "service:")),
		"service with role": hs256(with("sub", "service:ingest1")),
		"login no id":       hs256(with("sid", "phone")),
		"login zero":        hs256(with("sid", uuid.Nil.String())),
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := tokens.Verify(t.Context(), token)
			require.ErrorIs(t, err, auth.ErrBadToken)
			require.Zero(t, p)
		})
	}
}

func TestAShortSecretSigns(t *testing.T) {
	t.Parallel()
	tokens := make([]*auth.Tokens, 0, 3)
	for _, secret := range []string{"testsecret", "testsecret", "testsecreT"} {
		made, err := auth.NewTokens(auth.TokensConfig{Secret: []byte(secret)})
		require.NoError(t, err)
		tokens = append(tokens, made)
	}
	token, err := tokens[0].Service("node", []string{auth.ScopeIngest}, time.Minute)
	require.NoError(t, err)
	_, err = tokens[1].Verify(t.Context(), token)
	require.NoError(t, err)
	_, err = tokens[2].Verify(t.Context(), token)
	require.ErrorIs(t, err, auth.ErrBadToken)
}

func TestTokensRefuseBadSettings(t *testing.T) {
	t.Parallel()
	_, err := auth.NewTokens(auth.TokensConfig{Secret: []byte("short")})
	require.ErrorContains(t, err, "at least 8")
	_, err = auth.NewTokens(auth.TokensConfig{Secret: secret, Previous: [][]byte{[]byte("short")}})
	require.ErrorContains(t, err, "previous")

	tokens := newTokens(t, now, secret)
	for name, test := range map[string]struct {
		service string
		scopes  []string
		ttl     time.Duration
	}{
		"no name":     {"", []string{"ingest"}, time.Hour},
		"bad name":    {"a b", []string{"ingest"}, time.Hour},
		"no scope":    {"a", nil, time.Hour},
		"two in one":  {"a", []string{"ingest admin"}, time.Hour},
		"no lifetime": {"a", []string{"ingest"}, 0},
	} {
		_, err := tokens.Service(test.service, test.scopes, test.ttl)
		require.Error(t, err, name)
	}
}
