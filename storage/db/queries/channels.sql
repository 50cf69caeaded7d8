-- name: CreateChannel :exec
INSERT INTO channels (id, owner_id, slug, title, ladder, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: ChannelBySlug :one
SELECT c.id, c.owner_id, c.slug, c.title, c.ladder, c.created_at, c.updated_at,
       c.description, c.links, c.category, c.visibility, c.broadcast_title, c.recording,
       c.avatar_id, c.banner_id, c.thumbnail_id, c.followers, c.likes, c.version,
       o.username AS owner,
       CAST(CASE WHEN o.deleted_at IS NOT NULL THEN 'deleted' WHEN o.suspended_at IS NOT NULL THEN 'suspended' ELSE 'active' END AS TEXT) AS owner_state,
       CAST(COALESCE((SELECT string_agg(t.tag, ' ') FROM channel_tags t WHERE t.channel_id = c.id), '') AS TEXT) AS tags
FROM channels c JOIN users o ON o.id = c.owner_id
WHERE c.slug = $1;

-- name: ChannelsByIDs :many
-- ids is 36-character ids joined by single commas. Those that do not exist are left out.
WITH RECURSIVE asked (id, rest) AS (
    SELECT substr(CAST(sqlc.arg(ids) AS TEXT), 1, 36), substr(CAST(sqlc.arg(ids) AS TEXT), 38)
    UNION ALL
    SELECT substr(rest, 1, 36), substr(rest, 38) FROM asked WHERE length(rest) > 0
)
SELECT c.id, c.owner_id, c.slug, c.title, c.ladder, c.created_at, c.updated_at,
       c.description, c.links, c.category, c.visibility, c.broadcast_title, c.recording,
       c.avatar_id, c.banner_id, c.thumbnail_id, c.followers, c.likes, c.version,
       o.username AS owner,
       CAST(CASE WHEN o.deleted_at IS NOT NULL THEN 'deleted' WHEN o.suspended_at IS NOT NULL THEN 'suspended' ELSE 'active' END AS TEXT) AS owner_state,
       CAST(COALESCE((SELECT string_agg(t.tag, ' ') FROM channel_tags t WHERE t.channel_id = c.id), '') AS TEXT) AS tags
FROM asked
JOIN channels c ON CAST(c.id AS TEXT) = asked.id
JOIN users o ON o.id = c.owner_id
ORDER BY c.id DESC;

-- name: PrivateChannelsAmong :many
-- The addresses of those of these channels that are private.
WITH RECURSIVE asked (id, rest) AS (
    SELECT substr(CAST(sqlc.arg(ids) AS TEXT), 1, 36), substr(CAST(sqlc.arg(ids) AS TEXT), 38)
    UNION ALL
    SELECT substr(rest, 1, 36), substr(rest, 38) FROM asked WHERE length(rest) > 0
)
SELECT c.slug
FROM asked JOIN channels c ON CAST(c.id AS TEXT) = asked.id
WHERE c.visibility = 'private';

-- name: CountChannelsOf :one
SELECT count(*) FROM channels WHERE owner_id = $1;

-- name: UpdateChannel :execrows
-- Changes one version of a channel into the next.
UPDATE channels SET title = $3, description = $4, links = $5, category = $6, visibility = $7,
       broadcast_title = $8, recording = $9, ladder = $10, updated_at = $11, version = version + 1
WHERE id = $1 AND version = $2;

-- name: LockChannel :execrows
-- Makes other transactions that change or lock the channel wait for this one.
UPDATE channels SET version = version WHERE id = $1;

-- name: LockUserForChannels :execrows
-- Makes other transactions that change or lock the user wait for this one.
UPDATE users SET version = version WHERE id = $1;

-- name: DeleteChannel :execrows
DELETE FROM channels WHERE id = $1;

-- name: ChannelTags :many
SELECT tag FROM channel_tags WHERE channel_id = $1 ORDER BY tag;

-- name: AddChannelTag :exec
INSERT INTO channel_tags (tag, channel_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: DeleteChannelTag :exec
DELETE FROM channel_tags WHERE tag = $1 AND channel_id = $2;

-- name: ChannelWords :many
SELECT word FROM channel_words WHERE channel_id = $1 ORDER BY word;

-- name: AddChannelWord :exec
INSERT INTO channel_words (word, channel_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: DeleteChannelWord :exec
DELETE FROM channel_words WHERE word = $1 AND channel_id = $2;

-- name: ChannelsWithoutWords :many
-- Channels that search cannot find: they are older than search is.
SELECT c.id FROM channels c
WHERE NOT EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id)
LIMIT 100;
