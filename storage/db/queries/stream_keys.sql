-- name: CreateStreamKey :exec
INSERT INTO stream_keys (id, channel_id, label, secret_hash, hint, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: StreamKeysOf :many
SELECT id, label, hint, created_at, last_used_at, revoked_at
FROM stream_keys WHERE channel_id = $1
ORDER BY id;

-- name: CountStreamKeysOf :one
-- Those that are not revoked.
SELECT count(*) FROM stream_keys WHERE channel_id = $1 AND revoked_at IS NULL;

-- name: GrantBySecretHash :one
-- What the holder of a key that is not revoked may publish. Nobody publishes on the
-- channels of those who are deleted or suspended.
SELECT k.id AS key_id, c.id AS channel_id, c.slug, c.title, c.ladder, c.visibility, c.broadcast_title
FROM stream_keys k JOIN channels c ON c.id = k.channel_id JOIN users o ON o.id = c.owner_id
WHERE k.secret_hash = $1 AND k.revoked_at IS NULL AND o.deleted_at IS NULL AND o.suspended_at IS NULL;

-- name: TouchStreamKey :execrows
UPDATE stream_keys SET last_used_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: RevokeStreamKey :execrows
UPDATE stream_keys SET revoked_at = $3
WHERE id = $1 AND channel_id = $2 AND revoked_at IS NULL;

-- name: StreamKeyLabel :one
SELECT label FROM stream_keys WHERE id = $1 AND channel_id = $2;

-- name: DeleteRevokedStreamKeysOf :execrows
-- Keeps the list of a channel's keys bounded.
DELETE FROM stream_keys WHERE channel_id = $1 AND revoked_at < $2;

-- name: DeleteOldestRevokedStreamKeysOf :exec
-- Likewise: the 20 that were revoked last stay.
DELETE FROM stream_keys
WHERE stream_keys.channel_id = $1 AND stream_keys.revoked_at IS NOT NULL AND stream_keys.id NOT IN (
    SELECT k.id FROM stream_keys k
    WHERE k.channel_id = $1 AND k.revoked_at IS NOT NULL
    ORDER BY k.revoked_at DESC, k.id DESC LIMIT 20
);

-- name: UnusableStreamKeys :many
-- Which of these keys open nothing (any more): see GrantBySecretHash. ids is
-- 36-character ids joined by single commas: neither database takes an array that the
-- other takes.
WITH RECURSIVE asked (id, rest) AS (
    SELECT substr(CAST(sqlc.arg(ids) AS TEXT), 1, 36), substr(CAST(sqlc.arg(ids) AS TEXT), 38)
    UNION ALL
    SELECT substr(rest, 1, 36), substr(rest, 38) FROM asked WHERE length(rest) > 0
)
SELECT CAST(asked.id AS TEXT) AS id
FROM asked
WHERE NOT EXISTS (
    SELECT 1 FROM stream_keys k JOIN channels c ON c.id = k.channel_id JOIN users o ON o.id = c.owner_id
    WHERE CAST(k.id AS TEXT) = asked.id AND k.revoked_at IS NULL AND o.deleted_at IS NULL AND o.suspended_at IS NULL
);
