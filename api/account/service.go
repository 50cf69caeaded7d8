// Package account keeps the people of this server: signing up and logging in.
package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Bounds of a password, in characters. A long one costs no more to hash.
const (
	minPassword = 8
	maxPassword = 256
	maxEmail    = 254 // bytes; RFC 5321 4.5.3.1.3, less the brackets
)

// User is a person as others and they themselves may see them.
type User struct {
	ID        uuid.UUID
	Username  string
	Email     string
	Role      auth.Role
	CreatedAt time.Time
}

// Session is what a successful login gives.
type Session struct {
	AccessToken string
	ExpiresIn   time.Duration
	User        User
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB         *db.DB
	Passwords  *auth.Passwords
	Tokens     *auth.Tokens
	OpenSignup bool             // whether strangers may make accounts
	Now        func() time.Time // time.Now if nil
}

// Service holds the rules of accounts. It is safe for concurrent use.
type Service struct{ cfg Config }

// NewService returns a Service.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Passwords == nil || cfg.Tokens == nil {
		return nil, errors.New("account: a database, passwords and tokens are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg}, nil
}

// Signup makes an account with the role user. Names and addresses that differ
// only in case are the same.
func (s *Service) Signup(ctx context.Context, username, email, password string) (User, error) {
	if !s.cfg.OpenSignup {
		return User{}, ErrSignupClosed
	}
	if isReserved(username) {
		return User{}, ErrUsernameTaken
	}
	return s.create(ctx, username, email, password, auth.RoleUser)
}

// create checks before it hashes, and leaves it to the database to say who was
// first where two ask for the same name.
func (s *Service) create(ctx context.Context, username, email, password string, role auth.Role) (User, error) {
	if !usernameForm.MatchString(username) {
		return User{}, ErrBadUsername
	}
	if !isEmail(email) {
		return User{}, ErrBadEmail
	}
	if err := checkPassword(password, username, email); err != nil {
		return User{}, err
	}
	hash, err := s.cfg.Passwords.Hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return User{}, fmt.Errorf("account: make an id: %w", err)
	}
	user := User{ID: id, Username: username, Email: email, Role: role, CreatedAt: column.At(s.cfg.Now()).Time}
	err = s.cfg.DB.Write().CreateUser(ctx, store.CreateUserParams{
		ID:       id,
		Username: username, UsernameLower: strings.ToLower(username),
		Email: email, EmailLower: strings.ToLower(email),
		PasswordHash: hash, Role: string(role), CreatedAt: column.At(user.CreatedAt),
	})
	switch {
	case db.IsUnique(err, "users_username_lower_key"):
		return User{}, ErrUsernameTaken
	case db.IsUnique(err, "users_email_lower_key"):
		return User{}, ErrEmailTaken
	case err != nil:
		return User{}, fmt.Errorf("account: create: %w", err)
	}
	return user, nil
}

// Login returns a session for whoever proves to own an account, named by its
// username or e-mail address. A login that does not exist takes as long as a
// wrong password, and both are ErrBadCredentials.
func (s *Service) Login(ctx context.Context, login, password string) (Session, error) {
	row, err := s.find(ctx, strings.ToLower(login))
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return Session{}, fmt.Errorf("account: log in: %w", err)
	}
	ok, err := s.cfg.Passwords.Check(ctx, password, row.PasswordHash)
	if err != nil {
		return Session{}, err
	}
	if !ok {
		return Session{}, ErrBadCredentials
	}
	user := userOf(row)
	token, ttl, err := s.cfg.Tokens.Access(user.ID, user.Username, user.Role)
	if err != nil {
		return Session{}, err
	}
	return Session{AccessToken: token, ExpiresIn: ttl, User: user}, nil
}

// find looks a login up: usernames have no @, addresses do. What nobody can be called
// is not asked for: Postgres would not even take a text with a zero byte.
func (s *Service) find(ctx context.Context, login string) (store.User, error) {
	if strings.ContainsFunc(login, unicode.IsControl) || !utf8.ValidString(login) {
		return store.User{}, db.ErrNotFound
	}
	if strings.Contains(login, "@") {
		return s.cfg.DB.Read().UserByEmail(ctx, login)
	}
	return s.cfg.DB.Read().UserByUsername(ctx, login)
}

// Get returns the account with id, or db.ErrNotFound.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (User, error) {
	row, err := s.cfg.DB.Read().UserByID(ctx, id)
	if err != nil {
		return User{}, fmt.Errorf("account: get: %w", err)
	}
	return userOf(row), nil
}

// adminName is the login of the account that EnsureAdmin makes.
const adminName = "admin"

// EnsureAdmin makes the account "admin" with a random password if nobody has the
// role admin. Only then created is true; the password is kept nowhere, so the
// caller must show it. Of nodes that start together one creates the account.
func (s *Service) EnsureAdmin(ctx context.Context) (password string, created bool, err error) {
	exists, err := s.hasAdmin(ctx)
	if err != nil || exists {
		return "", false, err
	}
	password = rand.Text()
	_, err = s.create(ctx, adminName, adminName+"@localhost", password, auth.RoleAdmin)
	if errors.Is(err, ErrUsernameTaken) || errors.Is(err, ErrEmailTaken) {
		exists, lookErr := s.hasAdmin(ctx)
		if exists || lookErr != nil { // another node was faster
			return "", false, lookErr
		}
	}
	if err != nil {
		return "", false, fmt.Errorf("account: make the first admin: %w", err)
	}
	return password, true, nil
}

func (s *Service) hasAdmin(ctx context.Context) (bool, error) {
	has, err := s.cfg.DB.Read().HasUserWithRole(ctx, string(auth.RoleAdmin))
	if err != nil {
		return false, fmt.Errorf("account: look for an admin: %w", err)
	}
	return has, nil
}

// usernameForm is what a person may be called: also fit for a path.
var usernameForm = regexp.MustCompile(`^[A-Za-z0-9](?:[_-]?[A-Za-z0-9]){1,31}$`)

// isReserved reports whether a name would pass for the server itself.
func isReserved(username string) bool {
	switch strings.ToLower(username) {
	case adminName, "administrator", "root", "system", "bandstand", "moderator", "support", "me", "api", "service":
		return true
	}
	return false
}

// isEmail reports whether s is one bare address. Whether it receives mail only
// mail can tell.
func isEmail(s string) bool {
	if len(s) > maxEmail {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && !strings.ContainsFunc(s, unicode.IsControl) && a.Name == "" && a.Address == s
}

func checkPassword(password, username, email string) error {
	n := utf8.RuneCountInString(password)
	if n < minPassword || n > maxPassword || strings.EqualFold(password, username) || strings.EqualFold(password, email) {
		return ErrBadPassword
	}
	return nil
}

func userOf(row store.User) User {
	return User{
		ID: row.ID, Username: row.Username, Email: row.Email,
		Role: auth.Role(row.Role), CreatedAt: row.CreatedAt.Time,
	}
}
