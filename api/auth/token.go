package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// ErrBadToken is the outcome of a token that proves nothing: malformed, forged,
// expired, or made for something else.
var ErrBadToken = errors.New("auth: bad token")

const (
	issuer   = "bandstand"
	audience = "bandstand-api"
	// servicePrefix begins the subject of a service; a person's is a UUID.
	servicePrefix = "service:"
	// minSecretBytes is the least a secret may have.
	minSecretBytes = 8
	// StrongSecretBytes is what a secret should have: HS256 wants as much as its hash.
	// A shorter one may be a word that people remember, and so guess: it is stretched,
	// which makes each guess cost a tenth of a second and 64 MiB.
	StrongSecretBytes = 32
	// maxTokenBytes bounds what Verify looks at. Ours have fewer than 600 bytes.
	maxTokenBytes = 4096
)

// TokensConfig is what Tokens needs. Fields without a default are required.
type TokensConfig struct {
	Secret   []byte           // of at least 8 bytes, better 32; known to every node and to nobody else
	Previous [][]byte         // secrets whose tokens are still good, after a change of Secret
	TTL      time.Duration    // life of an access token; 15 min if zero
	Now      func() time.Time // time.Now if nil
}

// Tokens makes and verifies JSON Web Tokens. It is safe for concurrent use.
type Tokens struct {
	ttl    time.Duration
	now    func() time.Time
	key    signingKey
	keys   map[string][]byte // by kid: the key above and those before it
	parser *jwt.Parser
}

// signingKey is a secret made fit for one purpose, and the name it goes by.
type signingKey struct {
	id    string
	bytes []byte
}

// claims is the content of our tokens. RFC 7519, RFC 8693 4.2 (scope).
type claims struct {
	jwt.RegisteredClaims
	Name  string `json:"name,omitempty"`
	Role  Role   `json:"role,omitempty"`
	Login string `json:"sid,omitempty"`
	Scope string `json:"scope,omitempty"` // separated by spaces
}

// NewTokens returns Tokens that signs with cfg.Secret.
func NewTokens(cfg TokensConfig) (*Tokens, error) {
	if cfg.TTL == 0 {
		cfg.TTL = 15 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	key, err := newSigningKey(cfg.Secret)
	if err != nil {
		return nil, err
	}
	keys := map[string][]byte{key.id: key.bytes}
	for _, secret := range cfg.Previous {
		old, err := newSigningKey(secret)
		if err != nil {
			return nil, fmt.Errorf("previous secret: %w", err)
		}
		keys[old.id] = old.bytes
	}
	return &Tokens{
		ttl: cfg.TTL, now: cfg.Now, key: key, keys: keys,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithStrictDecoding(), // one text for each token
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithLeeway(5*time.Second),
			jwt.WithTimeFunc(cfg.Now),
		),
	}, nil
}

// newSigningKey derives from secret a key that signs tokens and nothing else.
func newSigningKey(secret []byte) (signingKey, error) {
	key, err := DeriveKey(secret, "bandstand token signature")
	if err != nil {
		return signingKey{}, err
	}
	name := sha256.Sum256(key)
	return signingKey{id: hex.EncodeToString(name[:4]), bytes: key}, nil
}

// Access returns a token with which requests speak for a person, and its life.
// Until it expires it holds the role that the person had.
func (t *Tokens) Access(id uuid.UUID, username string, role Role) (string, time.Duration, error) {
	return t.AccessOf(uuid.Nil, id, username, role)
}

// AccessOf is Access for one of the person's logins: with that the token ends too,
// wherever the database can be asked.
func (t *Tokens) AccessOf(login, id uuid.UUID, username string, role Role) (string, time.Duration, error) {
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: id.String()},
		Name:             username,
		Role:             role,
	}
	if login != uuid.Nil {
		c.Login = login.String()
	}
	token, err := t.sign(c, t.ttl)
	return token, t.ttl, err
}

// serviceName is what a service may be called, and scopeName what a scope may be.
var (
	serviceName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)
	scopeName   = regexp.MustCompile(`^[a-z]{1,32}$`)
)

// Service returns a token with which the service name may do what scopes say,
// for ttl. Such a token cannot be taken back but by changing the secret.
func (t *Tokens) Service(name string, scopes []string, ttl time.Duration) (string, error) {
	if !serviceName.MatchString(name) {
		return "", fmt.Errorf("auth: %q is no name for a service: want small letters, digits, dots and dashes", name)
	}
	if len(scopes) == 0 {
		return "", errors.New("auth: a service token needs a scope")
	}
	for _, scope := range scopes {
		if !scopeName.MatchString(scope) {
			return "", fmt.Errorf("auth: %q is not a scope", scope)
		}
	}
	if ttl <= 0 {
		return "", fmt.Errorf("auth: a service token cannot live for %s", ttl)
	}
	return t.sign(claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: servicePrefix + name},
		Scope:            strings.Join(scopes, " "),
	}, ttl)
}

func (t *Tokens) sign(c claims, ttl time.Duration) (string, error) {
	now := t.now()
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("auth: name a token: %w", err)
	}
	c.ID = id.String()
	c.Issuer = issuer
	c.Audience = jwt.ClaimStrings{audience}
	c.IssuedAt = jwt.NewNumericDate(now)
	c.ExpiresAt = jwt.NewNumericDate(now.Add(ttl))
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	token.Header["kid"] = t.key.id
	signed, err := token.SignedString(t.key.bytes)
	if err != nil {
		return "", fmt.Errorf("auth: sign a token: %w", err)
	}
	return signed, nil
}

// Verify returns whoever token speaks for, as far as the token itself can tell: for
// nodes that have no database to ask. Any other outcome is ErrBadToken.
func (t *Tokens) Verify(_ context.Context, token string) (Principal, error) {
	if len(token) > maxTokenBytes {
		return Principal{}, fmt.Errorf("%w: %d bytes", ErrBadToken, len(token))
	}
	var c claims
	if _, err := t.parser.ParseWithClaims(token, &c, t.keyOf); err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	return c.principal()
}

func (t *Tokens) keyOf(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	key, ok := t.keys[id]
	if !ok {
		return nil, errors.New("unknown key id")
	}
	return key, nil
}

func (c *claims) principal() (Principal, error) {
	if name, ok := strings.CutPrefix(c.Subject, servicePrefix); ok {
		if name == "" || c.Role != "" || c.Login != "" {
			return Principal{}, fmt.Errorf("%w: a service without a name or with a role", ErrBadToken)
		}
		return Principal{Name: name, Service: true, Scopes: strings.Fields(c.Scope)}, nil
	}
	id, err := uuid.Parse(c.Subject)
	if err != nil || id == uuid.Nil {
		return Principal{}, fmt.Errorf("%w: the subject is neither a person nor a service", ErrBadToken)
	}
	if !IsRole(c.Role) {
		return Principal{}, fmt.Errorf("%w: a person without a role", ErrBadToken)
	}
	p := Principal{UserID: id, Name: c.Name, Role: c.Role}
	if c.Login != "" {
		if p.Login, err = uuid.Parse(c.Login); err != nil || p.Login == uuid.Nil {
			return Principal{}, fmt.Errorf("%w: the login is none", ErrBadToken)
		}
	}
	return p, nil
}
