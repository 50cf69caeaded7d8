-- name: ChannelLikes :one
SELECT likes FROM channels WHERE id = $1;

-- name: AddLikes :one
UPDATE channels SET likes = likes + sqlc.arg(more) WHERE id = sqlc.arg(id) RETURNING likes;

-- name: AddBroadcastLikes :exec
-- To what is on air on the channel, if anything is.
UPDATE broadcasts SET likes = likes + sqlc.arg(more) WHERE channel_id = sqlc.arg(channel_id) AND state = 'live';
