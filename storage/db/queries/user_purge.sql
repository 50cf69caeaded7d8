-- name: UsersToPurge :many
-- Those deleted before an instant, longest ago first.
SELECT id, username FROM users WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2;

-- name: ClaimUserToPurge :execrows
-- Keeps others from restoring or purging the user meanwhile; 0 if they were faster.
UPDATE users SET version = version + 1 WHERE id = sqlc.arg(id) AND deleted_at < sqlc.arg(deleted_before);

-- name: PurgeUserPictures :exec
-- Marks the pictures of a user, and of what goes with the user, for clearing up.
UPDATE images SET state = 'replaced', updated_at = sqlc.arg(now)
WHERE target_id IN (
    SELECT u.id FROM users u WHERE u.id = sqlc.arg(user_id)
    UNION ALL
    SELECT c.id FROM channels c WHERE c.owner_id = sqlc.arg(user_id)
    UNION ALL
    SELECT b.id FROM broadcasts b JOIN channels o ON o.id = b.channel_id WHERE o.owner_id = sqlc.arg(user_id)
);

-- name: PurgeUserFollows :exec
-- Channels count their followers; the follows themselves go with the user.
UPDATE channels SET followers = followers - 1
WHERE id IN (SELECT f.channel_id FROM follows f WHERE f.user_id = $1) AND followers > 0;

-- name: PurgeUserChannels :many
DELETE FROM channels WHERE owner_id = $1 RETURNING slug;

-- name: PurgeUser :execrows
DELETE FROM users WHERE id = $1;
