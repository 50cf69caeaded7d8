-- name: SaveBroadcastMinute :exec
-- How many watched within a minute; of several who say so, the one who saw most.
INSERT INTO broadcast_audience (broadcast_id, minute, viewers, listeners) VALUES ($1, $2, $3, $4)
ON CONFLICT (broadcast_id, minute) DO UPDATE SET
    viewers = CASE WHEN excluded.viewers > broadcast_audience.viewers THEN excluded.viewers ELSE broadcast_audience.viewers END,
    listeners = CASE WHEN excluded.viewers > broadcast_audience.viewers THEN excluded.listeners ELSE broadcast_audience.listeners END;

-- name: BroadcastMinutes :many
-- The minutes of a broadcast from one on.
SELECT minute, viewers, listeners FROM broadcast_audience
WHERE broadcast_id = sqlc.arg(broadcast_id) AND minute >= sqlc.arg(since)
ORDER BY minute
LIMIT sqlc.arg(most);
