-- name: CreateMailToken :exec
INSERT INTO mail_tokens (id, user_id, purpose, token_hash, email, email_lower, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: MailTokenByHash :one
-- One that is still good.
SELECT user_id, purpose, email FROM mail_tokens
WHERE token_hash = sqlc.arg(token_hash) AND used_at IS NULL AND expires_at > sqlc.arg(now);

-- name: UseMailToken :one
-- Of those who come with the same token one gets the row.
UPDATE mail_tokens SET used_at = sqlc.arg(used_at)
WHERE token_hash = sqlc.arg(token_hash) AND used_at IS NULL AND expires_at > sqlc.arg(now)
RETURNING user_id, purpose, email;

-- name: CountMailTokensOf :one
SELECT count(*) FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND created_at > $3;

-- name: CountMailTokensTo :one
-- Each purpose apart: mails that others ask for keep nobody from recovering a password.
SELECT count(*) FROM mail_tokens WHERE email_lower = $1 AND purpose = $2 AND created_at > $3;

-- name: ExpireMailTokensOf :exec
-- What was mailed before is no longer good. The rows stay: they bound how many mails
-- an address gets.
UPDATE mail_tokens SET used_at = sqlc.arg(used_at) WHERE user_id = sqlc.arg(user_id) AND used_at IS NULL;

-- name: DeleteExpiredMailTokens :execrows
DELETE FROM mail_tokens WHERE id IN (
    SELECT t.id FROM mail_tokens t WHERE t.expires_at < $1 ORDER BY t.expires_at LIMIT $2
);
