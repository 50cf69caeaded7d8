-- name: CreateStreamKey :exec
INSERT INTO stream_keys (id, channel_id, label, secret_hash, hint, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: StreamKeysOf :many
SELECT id, label, hint, created_at, last_used_at, revoked_at
FROM stream_keys WHERE channel_id = $1
ORDER BY id;

-- name: CountStreamKeysOf :one
SELECT count(*) FROM stream_keys WHERE channel_id = $1;

-- name: GrantBySecretHash :one
-- What the holder of a key that is not revoked may publish.
SELECT k.id AS key_id, c.id AS channel_id, c.slug, c.title, c.ladder
FROM stream_keys k JOIN channels c ON c.id = k.channel_id
WHERE k.secret_hash = $1 AND k.revoked_at IS NULL;

-- name: TouchStreamKey :exec
UPDATE stream_keys SET last_used_at = $2 WHERE id = $1;

-- name: RevokeStreamKey :execrows
UPDATE stream_keys SET revoked_at = $3
WHERE id = $1 AND channel_id = $2 AND revoked_at IS NULL;

-- name: DeleteRevokedStreamKeysOf :execrows
-- Keeps the list of a channel's keys bounded.
DELETE FROM stream_keys WHERE channel_id = $1 AND revoked_at < $2;

-- name: UnusableStreamKeys :many
-- Which of these keys are revoked or gone. ids is 36-character ids joined by
-- single commas: neither database takes an array that the other takes.
WITH RECURSIVE asked (id, rest) AS (
    SELECT substr(CAST(sqlc.arg(ids) AS TEXT), 1, 36), substr(CAST(sqlc.arg(ids) AS TEXT), 38)
    UNION ALL
    SELECT substr(rest, 1, 36), substr(rest, 38) FROM asked WHERE length(rest) > 0
)
SELECT CAST(asked.id AS TEXT) AS id
FROM asked LEFT JOIN stream_keys k ON CAST(k.id AS TEXT) = asked.id AND k.revoked_at IS NULL
WHERE k.id IS NULL;
