-- name: CreateFollow :execrows
INSERT INTO follows (id, channel_id, user_id, notify, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (channel_id, user_id) DO NOTHING;

-- name: SetFollowNotify :exec
UPDATE follows SET notify = $3 WHERE channel_id = $1 AND user_id = $2;

-- name: DeleteFollow :one
DELETE FROM follows
WHERE user_id = sqlc.arg(user_id) AND channel_id = (SELECT c.id FROM channels c WHERE c.slug = sqlc.arg(slug))
RETURNING channel_id;

-- name: AddFollowers :exec
UPDATE channels SET followers = followers + sqlc.arg(more) WHERE id = sqlc.arg(id);

-- name: FollowNotify :one
SELECT notify FROM follows WHERE channel_id = $1 AND user_id = $2;

-- name: CountFollowsOf :one
SELECT count(*) FROM follows WHERE user_id = $1;

-- name: FollowersBefore :many
SELECT f.id, f.created_at, u.username, u.display_name, u.avatar_id
FROM follows f JOIN users u ON u.id = f.user_id
WHERE f.channel_id = sqlc.arg(channel_id) AND f.id < sqlc.arg(edge) AND u.deleted_at IS NULL
ORDER BY f.id DESC
LIMIT sqlc.arg(most);

-- name: FollowsOfUserBefore :many
-- visible is 0 where the channel has become one that the user may not see.
SELECT f.id, f.channel_id, f.notify, f.created_at, c.slug,
       CAST(CASE WHEN o.deleted_at IS NULL AND o.suspended_at IS NULL AND (
           c.visibility <> 'private' OR c.owner_id = f.user_id
           OR EXISTS (SELECT 1 FROM channel_members m WHERE m.channel_id = c.id AND m.user_id = f.user_id)
       ) THEN 1 ELSE 0 END AS BIGINT) AS visible
FROM follows f JOIN channels c ON c.id = f.channel_id JOIN users o ON o.id = c.owner_id
WHERE f.user_id = sqlc.arg(user_id) AND f.id < sqlc.arg(edge)
ORDER BY f.id DESC
LIMIT sqlc.arg(most);

-- name: FollowersAfter :many
SELECT f.id, f.created_at, u.username, u.display_name, u.avatar_id
FROM follows f JOIN users u ON u.id = f.user_id
WHERE f.channel_id = sqlc.arg(channel_id) AND f.id > sqlc.arg(edge) AND u.deleted_at IS NULL
ORDER BY f.id
LIMIT sqlc.arg(most);

-- name: FollowsOfUserAfter :many
SELECT f.id, f.channel_id, f.notify, f.created_at, c.slug,
       CAST(CASE WHEN o.deleted_at IS NULL AND o.suspended_at IS NULL AND (
           c.visibility <> 'private' OR c.owner_id = f.user_id
           OR EXISTS (SELECT 1 FROM channel_members m WHERE m.channel_id = c.id AND m.user_id = f.user_id)
       ) THEN 1 ELSE 0 END AS BIGINT) AS visible
FROM follows f JOIN channels c ON c.id = f.channel_id JOIN users o ON o.id = c.owner_id
WHERE f.user_id = sqlc.arg(user_id) AND f.id > sqlc.arg(edge)
ORDER BY f.id
LIMIT sqlc.arg(most);
