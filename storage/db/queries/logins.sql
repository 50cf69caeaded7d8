-- name: LoginLockUser :execrows
-- Makes transactions about one user wait for each other, on both databases.
UPDATE users SET role = role WHERE id = $1;

-- name: CreateLogin :exec
INSERT INTO logins (id, user_id, user_agent, address, created_at, last_used_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: CreateRefreshToken :exec
INSERT INTO refresh_tokens (id, login_id, token_hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5);

-- name: UseRefreshToken :one
-- Of those who use a token at a time one gets a row.
UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL
RETURNING login_id, expires_at;

-- name: LoginOfRefreshToken :one
SELECT l.id, l.user_id FROM refresh_tokens t JOIN logins l ON l.id = t.login_id WHERE t.token_hash = $1;

-- name: LoginByID :one
SELECT * FROM logins WHERE id = $1;

-- name: RenewLogin :execrows
UPDATE logins SET last_used_at = $2, expires_at = $3, address = $4, user_agent = $5
WHERE id = $1 AND revoked_at IS NULL;

-- name: RevokeLogin :execrows
UPDATE logins SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL;

-- name: RevokeLoginsExcept :execrows
-- kept is an id, or that of nobody's login.
UPDATE logins SET revoked_at = sqlc.arg(at)
WHERE user_id = sqlc.arg(user_id) AND id <> sqlc.arg(kept) AND revoked_at IS NULL;

-- name: PruneLogins :execrows
-- Keeps the 100 logins of a user that are good and were used last.
DELETE FROM logins WHERE id IN (
    SELECT l.id FROM logins l WHERE l.user_id = $1
    ORDER BY CASE WHEN l.revoked_at IS NULL THEN 0 ELSE 1 END, l.last_used_at DESC, l.id DESC
    LIMIT 100 OFFSET 100
);

-- name: LoginsBefore :many
-- A page of the logins of a user that are good, newest first.
SELECT * FROM logins
WHERE user_id = $1 AND id < $2 AND revoked_at IS NULL AND expires_at > $3
ORDER BY id DESC LIMIT $4;

-- name: LoginsAfter :many
-- The page before, nearest first.
SELECT * FROM logins
WHERE user_id = $1 AND id > $2 AND revoked_at IS NULL AND expires_at > $3
ORDER BY id LIMIT $4;

-- name: DeleteExpiredRefreshTokens :execrows
DELETE FROM refresh_tokens WHERE id IN (SELECT r.id FROM refresh_tokens r WHERE r.expires_at < $1 ORDER BY r.expires_at LIMIT $2);

-- name: DeleteExpiredLogins :execrows
DELETE FROM logins WHERE id IN (SELECT l.id FROM logins l WHERE l.expires_at < $1 ORDER BY l.expires_at LIMIT $2);
