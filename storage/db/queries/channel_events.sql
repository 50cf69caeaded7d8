-- name: LiveBroadcastOf :one
-- The broadcast on air on a channel.
SELECT id, title, started_at FROM broadcasts WHERE channel_id = $1 AND state = 'live';
