package login

import "bandstand/api/rest"

// Outcomes that callers tell apart.
var (
	ErrBadCredentials  = rest.Unauthorized("bad_credentials", "there is no account with this login and password")
	ErrTooManyAttempts = rest.TooMany("too_many_attempts", "too many failed attempts to log in with this name: try again later")
	// Those below are told to whoever knows the password, or has a refresh token.
	ErrSuspended      = rest.Forbidden("account_suspended", "this account is suspended")
	ErrDeleted        = rest.Forbidden("account_deleted", "this account is deleted: it can be restored for a while")
	ErrDeletedByStaff = rest.Forbidden("account_deleted_by_staff", "this account was deleted by the staff of this server")
	ErrUnconfirmed    = rest.Forbidden("email_unconfirmed", "the e-mail address of this account has to be confirmed first")

	ErrBadRefreshToken = rest.Unauthorized("invalid_refresh_token", "the refresh token is not good any more: log in again")
	ErrNoSession       = rest.NotFound("session_not_found", "there is no such session")

	ErrNoToken         = rest.NotFound("token_not_found", "there is no such token")
	ErrTooManyTokens   = rest.Conflict("too_many_tokens", "this account has as many tokens as it may")
	ErrBadLabel        = rest.Invalid("bad_label", "a label has 1 to 60 characters on one line")
	ErrBadScopes       = rest.Invalid("bad_scopes", "a token has one or more of the known scopes, and the scope admin is for the staff")
	ErrBadTokenExpires = rest.Invalid("bad_expiry", "a token expires in the future, if at all")
)
