package account

import "bandstand/api/rest"

// Outcomes that callers tell apart.
var (
	ErrSignupClosed   = rest.Forbidden("signup_closed", "signing up is closed on this server")
	ErrBadInvite      = rest.Forbidden("bad_invite", "signing up needs an invite code, and this one is not good (any more)")
	ErrUsernameTaken  = rest.Conflict("username_taken", "this username, or one that looks like it, is taken")
	ErrEmailTaken     = rest.Conflict("email_taken", "this e-mail address is taken")
	ErrBadUsername    = rest.Invalid("bad_username", "a username has 2 to 32 letters, digits and single dashes or underscores between them")
	ErrBadEmail       = rest.Invalid("bad_email", "this is not an e-mail address")
	ErrSameEmail      = rest.Invalid("same_email", "this is the address of the account already")
	ErrBadPassword    = rest.Invalid("bad_password", "a password has 8 to 256 characters and is not the username or the e-mail address")
	ErrCommonPassword = rest.Invalid("common_password", "this password is among the first that others would try")
	ErrBadDisplayName = rest.Invalid("bad_display_name", "a display name is one line of at most 50 characters")
	ErrBadBio         = rest.Invalid("bad_bio", "a bio has at most 1000 characters")
	ErrBadLinks       = rest.Invalid("bad_links", "there are at most 10 links, each with a label and an http or https address")
	ErrBadReason      = rest.Invalid("bad_reason", "a reason is one line of at most 500 characters")
	ErrBadRole        = rest.Invalid("bad_role", "a role is user, moderator or admin")

	ErrBadCredentials = rest.Unauthorized("bad_credentials", "there is no account with this login and password")
	ErrWrongPassword  = rest.Forbidden("wrong_password", "this is not the password of the account")
	ErrBadLink        = rest.Invalid("bad_link", "this link is not good, or it has expired or been used")
	ErrMailOff        = rest.Conflict("mail_off", "this server sends no mail: ask those who run it")
	ErrTooSoon        = rest.TooMany("too_soon", "a mail has just been sent")

	ErrNotFound       = rest.NotFound("user_not_found", "there is no such user")
	ErrLastAdmin      = rest.Conflict("last_admin", "this is the last admin: make another one first")
	ErrStaffProtected = rest.Forbidden("staff_protected", "only admins can do this to staff")
	ErrYourself       = rest.Conflict("not_yourself", "this cannot be done to oneself")
	ErrDeleted        = rest.Conflict("user_deleted", "this account has been deleted: restore it first")
	ErrDeletedByStaff = rest.Forbidden("account_deleted_by_staff", "this account was deleted by the staff: only they can restore it")
	ErrInviteNotFound = rest.NotFound("invite_not_found", "there is no such invite")
	ErrBadInviteTerms = rest.Invalid("bad_invite_terms", "an invite has a note of at most 200 characters and expires in the future, or never")
)
