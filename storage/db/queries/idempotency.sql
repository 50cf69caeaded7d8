-- name: ClaimIdempotencyKey :execrows
-- One row if the key is new, or if what was kept of it has expired.
INSERT INTO idempotency_keys (key_hash, request_hash, status, reply, created_at, expires_at)
VALUES ($1, $2, 0, '', $3, $4)
ON CONFLICT (key_hash) DO UPDATE
SET request_hash = excluded.request_hash, status = 0, reply = '',
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= excluded.created_at;

-- name: IdempotencyKey :one
SELECT * FROM idempotency_keys WHERE key_hash = $1;

-- name: FinishIdempotencyKey :execrows
-- created_at is that of the claim: whoever claimed the key later keeps it.
UPDATE idempotency_keys SET status = sqlc.arg(status), reply = sqlc.arg(reply), expires_at = sqlc.arg(expires_at)
WHERE key_hash = sqlc.arg(key_hash) AND status = 0 AND created_at = sqlc.arg(created_at);

-- name: FreeIdempotencyKey :exec
DELETE FROM idempotency_keys WHERE key_hash = $1 AND status = 0 AND created_at = $2;

-- name: PurgeIdempotencyKeys :execrows
DELETE FROM idempotency_keys WHERE expires_at <= $1;
