-- name: CreatePersonalToken :exec
INSERT INTO personal_tokens (id, user_id, label, token_hash, hint, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: CountPersonalTokensOf :one
SELECT count(*) FROM personal_tokens WHERE user_id = $1;

-- name: DeleteExpiredPersonalTokensOf :execrows
DELETE FROM personal_tokens WHERE user_id = $1 AND expires_at < $2;

-- name: DeletePersonalToken :one
DELETE FROM personal_tokens WHERE id = $1 AND user_id = $2 RETURNING label, token_hash;

-- name: DeletePersonalTokensOf :many
DELETE FROM personal_tokens WHERE user_id = $1 RETURNING token_hash;

-- name: PersonalTokensBefore :many
-- A page of the tokens of a user, newest first.
SELECT id, label, hint, scopes, created_at, last_used_at, expires_at FROM personal_tokens
WHERE user_id = $1 AND id < $2 AND revoked_at IS NULL
ORDER BY id DESC LIMIT $3;

-- name: PersonalTokensAfter :many
-- The page before, nearest first.
SELECT id, label, hint, scopes, created_at, last_used_at, expires_at FROM personal_tokens
WHERE user_id = $1 AND id > $2 AND revoked_at IS NULL
ORDER BY id LIMIT $3;
