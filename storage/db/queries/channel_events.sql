-- name: LiveBroadcastOf :one
-- The broadcast on air on a channel.
SELECT id, title, started_at FROM broadcasts WHERE channel_id = $1 AND state = 'live';

-- name: FollowersToTell :many
-- Who wants to be told, a page at a time.
SELECT id, user_id FROM follows
WHERE channel_id = sqlc.arg(channel_id) AND id > sqlc.arg(edge) AND notify
ORDER BY id
LIMIT sqlc.arg(most);
