-- name: CreateUser :exec
INSERT INTO users (id, username, username_lower, username_skeleton, display_name, email, email_lower, password_hash, role, created_at, email_confirmed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: UserByID :one
SELECT * FROM users WHERE id = $1 AND deleted_at IS NULL;

-- name: UserByUsername :one
SELECT * FROM users WHERE username_lower = $1 AND deleted_at IS NULL;

-- name: UserByEmail :one
-- Of an address that nobody has confirmed there is no user.
SELECT * FROM users WHERE email_lower = $1 AND email_confirmed_at IS NOT NULL AND deleted_at IS NULL;

-- name: UserByIDEvenDeleted :one
SELECT * FROM users WHERE id = $1;

-- name: UserByUsernameEvenDeleted :one
SELECT * FROM users WHERE username_lower = $1;

-- name: UserByEmailEvenDeleted :one
SELECT * FROM users WHERE email_lower = $1 AND email_confirmed_at IS NOT NULL;

-- name: UnconfirmedUserByEmail :one
-- The newest of those who say that the address is theirs.
SELECT * FROM users
WHERE email_lower = $1 AND email_confirmed_at IS NULL AND deleted_at IS NULL
ORDER BY id DESC LIMIT 1;

-- name: HasUserWithRole :one
SELECT EXISTS (SELECT 1 FROM users WHERE role = $1 AND deleted_at IS NULL);

-- name: LockUser :exec
-- Whoever mails or changes a user waits here for others who do.
UPDATE users SET version = version WHERE id = $1;

-- name: LockAdmins :exec
-- Whoever changes who is an admin waits here for others who do.
UPDATE users SET version = version WHERE role = 'admin';

-- name: CountOtherAdmins :one
-- Admins who can act, beside one.
SELECT count(*) FROM users
WHERE role = 'admin' AND deleted_at IS NULL AND suspended_at IS NULL AND id <> $1;

-- name: UpdateUserProfile :execrows
UPDATE users SET display_name = $3, bio = $4, links = $5, version = version + 1
WHERE id = $1 AND version = $2 AND deleted_at IS NULL;

-- name: UpdateUserPassword :execrows
UPDATE users SET password_hash = $2, password_changed_at = $3, version = version + 1
WHERE id = $1 AND deleted_at IS NULL;

-- name: ConfirmUserEmail :execrows
UPDATE users SET email = $2, email_lower = $3, email_confirmed_at = $4, version = version + 1
WHERE id = $1 AND deleted_at IS NULL;

-- name: UpdateUserRole :execrows
UPDATE users SET role = $2, version = version + 1 WHERE id = $1;

-- name: SuspendUser :execrows
UPDATE users SET suspended_at = $2, suspended_reason = $3, version = version + 1 WHERE id = $1;

-- name: ReinstateUser :execrows
UPDATE users SET suspended_at = NULL, suspended_reason = '', version = version + 1 WHERE id = $1;

-- name: DeleteUser :execrows
UPDATE users SET deleted_at = $2, deleted_by = $3, version = version + 1
WHERE id = $1 AND deleted_at IS NULL;

-- name: RestoreUser :execrows
UPDATE users SET deleted_at = NULL, deleted_by = NULL, version = version + 1
WHERE id = $1 AND deleted_at IS NOT NULL;

-- name: SlugsOfOwner :many
SELECT slug FROM channels WHERE owner_id = $1;
