-- name: LockChannelForBroadcasts :execrows
-- Whoever decides by what else is on a channel makes others who do so wait.
UPDATE channels SET title = title WHERE id = $1;

-- name: ChannelForBroadcast :one
-- What a broadcast takes over from its channel.
SELECT title, broadcast_title, category, thumbnail_id FROM channels WHERE id = $1;

-- name: CreateBroadcast :exec
INSERT INTO broadcasts (id, channel_id, state, title, description, category, links, thumbnail_id,
                        planned_start, planned_end, created_by, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: AddBroadcastTag :exec
INSERT INTO broadcast_tags (tag, broadcast_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: DeleteBroadcastTags :exec
DELETE FROM broadcast_tags WHERE broadcast_id = $1;

-- name: ChannelTagsForBroadcast :many
SELECT tag FROM channel_tags WHERE channel_id = $1 ORDER BY tag;

-- name: AddBroadcastWord :exec
INSERT INTO broadcast_words (word, broadcast_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: DeleteBroadcastWords :exec
DELETE FROM broadcast_words WHERE broadcast_id = $1;

-- name: CountUpcomingBroadcasts :one
-- since is the longest time that a broadcast may be planned for before now.
SELECT count(*) FROM broadcasts
WHERE channel_id = sqlc.arg(channel_id) AND state = 'scheduled'
  AND planned_start > sqlc.arg(since) AND planned_end > sqlc.arg(now);

-- name: CountOverlappingBroadcasts :one
-- How many others are scheduled between two times; since as above, before the first.
SELECT count(*) FROM broadcasts
WHERE channel_id = sqlc.arg(channel_id) AND state = 'scheduled' AND id <> sqlc.arg(id)
  AND planned_start > sqlc.arg(since) AND planned_start < sqlc.arg(until) AND planned_end > sqlc.arg(begin);

-- name: CountPreparedBroadcasts :one
SELECT count(*) FROM broadcasts WHERE channel_id = $1 AND state = 'prepared';

-- name: UpdateBroadcast :execrows
UPDATE broadcasts
SET title = $3, description = $4, category = $5, links = $6, planned_start = $7, planned_end = $8,
    updated_at = $9, version = version + 1
WHERE id = $1 AND version = $2;

-- name: PublishBroadcast :execrows
UPDATE broadcasts SET published_at = $2, updated_at = $3, version = version + 1
WHERE id = $1 AND state = 'ended' AND published_at IS NULL;

-- name: UnpublishBroadcast :execrows
UPDATE broadcasts SET published_at = NULL, updated_at = $2, version = version + 1
WHERE id = $1 AND state = 'ended' AND published_at IS NOT NULL;

-- name: DeleteBroadcast :execrows
DELETE FROM broadcasts WHERE id = $1 AND state <> 'live';

-- name: PutBroadcastReminder :exec
INSERT INTO broadcast_reminders (broadcast_id, user_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: DeleteBroadcastReminder :execrows
DELETE FROM broadcast_reminders WHERE broadcast_id = $1 AND user_id = $2;

-- name: DeleteBroadcastRemindersOf :exec
DELETE FROM broadcast_reminders
WHERE user_id = sqlc.arg(user_id) AND broadcast_id IN (SELECT b.id FROM broadcasts b WHERE b.channel_id = sqlc.arg(channel_id));

-- name: CountBroadcastReminder :one
SELECT count(*) FROM broadcast_reminders WHERE broadcast_id = $1 AND user_id = $2;

-- name: BroadcastSessionsBefore :many
SELECT * FROM broadcast_sessions
WHERE broadcast_id = sqlc.arg(broadcast_id) AND id < sqlc.arg(id)
ORDER BY id DESC
LIMIT sqlc.arg(most);

-- name: BroadcastSessionsAfter :many
SELECT * FROM broadcast_sessions
WHERE broadcast_id = sqlc.arg(broadcast_id) AND id > sqlc.arg(id)
ORDER BY id
LIMIT sqlc.arg(most);
