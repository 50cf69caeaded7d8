-- name: ChannelAccessBySlug :one
-- What the permissions need to know of a channel and of one user there.
SELECT c.id, c.slug, c.owner_id, c.visibility,
       CAST(COALESCE(m.role, '') AS TEXT) AS member_role,
       CAST(CASE WHEN o.deleted_at IS NULL AND o.suspended_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS open
FROM channels c
JOIN users o ON o.id = c.owner_id
LEFT JOIN channel_members m ON m.channel_id = c.id AND m.user_id = sqlc.arg(user_id)
WHERE c.slug = sqlc.arg(slug);

-- name: ChannelAccessByBroadcast :one
SELECT c.id, c.slug, c.owner_id, c.visibility,
       CAST(COALESCE(m.role, '') AS TEXT) AS member_role,
       CAST(CASE WHEN o.deleted_at IS NULL AND o.suspended_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS open,
       CAST(CASE WHEN b.state = 'ended' AND b.published_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS hidden
FROM broadcasts b
JOIN channels c ON c.id = b.channel_id
JOIN users o ON o.id = c.owner_id
LEFT JOIN channel_members m ON m.channel_id = c.id AND m.user_id = sqlc.arg(user_id)
WHERE b.id = sqlc.arg(broadcast_id);
