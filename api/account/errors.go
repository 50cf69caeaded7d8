package account

import "bandstand/api/rest"

// Outcomes that callers tell apart.
var (
	ErrSignupClosed   = rest.Forbidden("signup_closed", "signing up is closed on this server")
	ErrUsernameTaken  = rest.Conflict("username_taken", "this username is taken")
	ErrEmailTaken     = rest.Conflict("email_taken", "this e-mail address is taken")
	ErrBadUsername    = rest.Invalid("bad_username", "a username has 2 to 32 letters, digits and single dashes or underscores between them")
	ErrBadEmail       = rest.Invalid("bad_email", "this is not an e-mail address")
	ErrBadPassword    = rest.Invalid("bad_password", "a password has 8 to 256 characters and is not the username or the e-mail address")
	ErrBadCredentials = rest.Unauthorized("bad_credentials", "there is no account with this login and password")
)
