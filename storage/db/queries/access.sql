-- name: ChannelAccessBySlug :one
-- What the permissions need to know of a channel.
SELECT c.id, c.slug, c.owner_id, c.visibility,
       CAST(CASE WHEN o.deleted_at IS NULL AND o.suspended_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS open
FROM channels c
JOIN users o ON o.id = c.owner_id
WHERE c.slug = sqlc.arg(slug);

-- name: ChannelAccessByBroadcast :one
SELECT c.id, c.slug, c.owner_id, c.visibility,
       CAST(CASE WHEN o.deleted_at IS NULL AND o.suspended_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS open,
       CAST(CASE WHEN b.state = 'ended' AND b.published_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS hidden
FROM broadcasts b
JOIN channels c ON c.id = b.channel_id
JOIN users o ON o.id = c.owner_id
WHERE b.id = sqlc.arg(broadcast_id);

-- name: ChannelAccessRole :one
-- What a user is on a channel of somebody else.
SELECT role FROM channel_members WHERE channel_id = sqlc.arg(channel_id) AND user_id = sqlc.arg(user_id);

-- name: IdentityOfUser :one
-- What a token needs to know of its user.
SELECT username, role, deleted_at, suspended_at FROM users WHERE id = $1;

-- name: IdentityOfLogin :one
-- The same of a login's user, with the login.
SELECT l.last_used_at, l.expires_at, l.revoked_at,
       u.username, u.role, u.deleted_at, u.suspended_at
FROM logins l JOIN users u ON u.id = l.user_id
WHERE l.id = $1 AND l.user_id = $2;

-- name: IdentityOfPersonalToken :one
SELECT id, user_id, scopes, last_used_at, expires_at, revoked_at FROM personal_tokens WHERE token_hash = $1;

-- name: TouchLogin :exec
-- address and user_agent stay if the new ones are empty.
UPDATE logins SET last_used_at = sqlc.arg(at),
    address = CASE WHEN CAST(sqlc.arg(address) AS TEXT) = '' THEN address ELSE CAST(sqlc.arg(address) AS TEXT) END,
    user_agent = CASE WHEN CAST(sqlc.arg(user_agent) AS TEXT) = '' THEN user_agent ELSE CAST(sqlc.arg(user_agent) AS TEXT) END
WHERE id = sqlc.arg(id) AND last_used_at < sqlc.arg(at);

-- name: TouchPersonalToken :exec
UPDATE personal_tokens SET last_used_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND (last_used_at IS NULL OR last_used_at < sqlc.arg(at));
