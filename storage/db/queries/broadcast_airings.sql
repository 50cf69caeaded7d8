-- name: AiringOfSession :one
SELECT b.id, b.channel_id, b.state FROM broadcast_sessions s JOIN broadcasts b ON b.id = s.broadcast_id
WHERE s.id = $1;

-- name: AiringOfChannel :one
SELECT id, seen_at FROM broadcasts WHERE channel_id = $1 AND state = 'live';

-- name: LastAiring :one
-- The broadcast that was on air last on a channel, and has ended.
SELECT id, seen_at, published_at FROM broadcasts
WHERE channel_id = $1 AND state = 'ended'
ORDER BY COALESCE(started_at, planned_start, created_at) DESC, id DESC
LIMIT 1;

-- name: DueBroadcast :one
-- The scheduled broadcast of a channel whose time it is: soon is now with what a
-- publisher may come early, since is before every broadcast that may not be over.
SELECT id FROM broadcasts
WHERE channel_id = sqlc.arg(channel_id) AND state = 'scheduled'
  AND planned_start > sqlc.arg(since) AND planned_start <= sqlc.arg(soon) AND planned_end > sqlc.arg(now)
ORDER BY planned_start
LIMIT 1;

-- name: PreparedBroadcast :one
SELECT id FROM broadcasts WHERE channel_id = $1 AND state = 'prepared'
ORDER BY COALESCE(started_at, planned_start, created_at)
LIMIT 1;

-- name: BeginAiring :execrows
-- Also of one that has ended, and goes on.
UPDATE broadcasts
SET state = 'live', started_at = COALESCE(started_at, sqlc.arg(at)), seen_at = sqlc.arg(seen_at), ended_at = NULL,
    updated_at = sqlc.arg(now), version = version + 1
WHERE id = sqlc.arg(id) AND state <> 'live';

-- name: BeginReminding :execrows
-- Once for a broadcast. nobody is the least id.
UPDATE broadcasts SET reminded_at = sqlc.arg(now), reminded_to = sqlc.arg(nobody)
WHERE id = sqlc.arg(id) AND reminded_at IS NULL;

-- name: EndAiring :execrows
UPDATE broadcasts
SET state = 'ended', ended_at = seen_at, viewers = 0, updated_at = sqlc.arg(now), version = version + 1
WHERE id = sqlc.arg(id) AND state = 'live' AND seen_at < sqlc.arg(before);

-- name: EndSessionsOf :exec
UPDATE broadcast_sessions SET ended_at = seen_at WHERE broadcast_id = $1 AND ended_at IS NULL;

-- name: StaleAirings :many
-- Broadcasts on air of which nothing was heard for a while.
SELECT id, channel_id FROM broadcasts
WHERE state = 'live' AND seen_at < $1
ORDER BY seen_at
LIMIT 100;

-- name: CreateBroadcastSession :exec
INSERT INTO broadcast_sessions (id, broadcast_id, node, started_at, seen_at) VALUES ($1, $2, $3, $4, $5);

-- name: SaveBroadcastSession :execrows
-- What was measured of a session. Figures do not go back.
UPDATE broadcast_sessions
SET seen_at = CASE WHEN sqlc.arg(seen_at) > broadcast_sessions.seen_at THEN sqlc.arg(seen_at) ELSE broadcast_sessions.seen_at END,
    ended_at = sqlc.narg(ended_at),
    total_viewers = CASE WHEN sqlc.arg(total_viewers) > broadcast_sessions.total_viewers THEN sqlc.arg(total_viewers) ELSE broadcast_sessions.total_viewers END,
    duration_ms = CASE WHEN sqlc.arg(duration_ms) > broadcast_sessions.duration_ms THEN sqlc.arg(duration_ms) ELSE broadcast_sessions.duration_ms END,
    ingest = sqlc.arg(ingest)
WHERE broadcast_sessions.id = sqlc.arg(id);

-- name: SaveAiring :execrows
-- What follows for the broadcast from its sessions. Figures do not go back.
UPDATE broadcasts
SET seen_at = CASE WHEN sqlc.arg(seen_at) > broadcasts.seen_at THEN sqlc.arg(seen_at) ELSE broadcasts.seen_at END,
    viewers = sqlc.arg(viewers),
    peak_viewers = CASE WHEN sqlc.arg(peak_viewers) > broadcasts.peak_viewers THEN sqlc.arg(peak_viewers) ELSE broadcasts.peak_viewers END,
    total_viewers = CASE WHEN sqlc.arg(total_viewers) > broadcasts.total_viewers THEN sqlc.arg(total_viewers) ELSE broadcasts.total_viewers END,
    duration_ms = (SELECT CAST(COALESCE(SUM(s.duration_ms), 0) AS BIGINT) FROM broadcast_sessions s WHERE s.broadcast_id = broadcasts.id)
WHERE broadcasts.id = sqlc.arg(id) AND broadcasts.state = 'live';

-- name: ReminderTarget :one
-- A broadcast whose followers are being told that it is on air.
SELECT b.state, b.title, b.started_at, b.reminded_to, c.id AS channel_id, c.owner_id, c.slug, c.title AS channel_title, c.visibility
FROM broadcasts b
JOIN channels c ON c.id = b.channel_id
JOIN users o ON o.id = c.owner_id
WHERE b.id = $1 AND o.deleted_at IS NULL AND o.suspended_at IS NULL;

-- name: ReminderAudience :many
-- Those who asked to be told, in the order of ids, also who cannot be told now.
SELECT u.id, u.username, u.display_name, u.email,
       CAST(CASE WHEN u.deleted_at IS NULL AND u.suspended_at IS NULL AND u.email_confirmed_at IS NOT NULL THEN 1 ELSE 0 END AS BIGINT) AS reachable,
       CAST(CASE WHEN m.user_id IS NULL THEN 0 ELSE 1 END AS BIGINT) AS member
FROM (
    SELECT user_id FROM (
        SELECT f.user_id FROM follows f
        WHERE f.channel_id = sqlc.arg(channel_id) AND f.notify AND f.user_id > sqlc.arg(beyond)
        ORDER BY f.user_id LIMIT sqlc.arg(most)
    ) following
    UNION
    SELECT user_id FROM (
        SELECT r.user_id FROM broadcast_reminders r
        WHERE r.broadcast_id = sqlc.arg(broadcast_id) AND r.user_id > sqlc.arg(beyond)
        ORDER BY r.user_id LIMIT sqlc.arg(most)
    ) waiting
) asked
JOIN users u ON u.id = asked.user_id
LEFT JOIN channel_members m ON m.channel_id = sqlc.arg(channel_id) AND m.user_id = u.id
ORDER BY u.id
LIMIT sqlc.arg(most);

-- name: AdvanceReminding :execrows
-- Two at once cannot take the same part of the audience.
UPDATE broadcasts SET reminded_to = sqlc.arg(reminded_to)
WHERE id = sqlc.arg(id) AND reminded_to = sqlc.arg(was);
