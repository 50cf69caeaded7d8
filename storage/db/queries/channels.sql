-- name: CreateChannel :exec
INSERT INTO channels (id, owner_id, slug, title, ladder, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: ChannelBySlug :one
SELECT c.id, c.owner_id, c.slug, c.title, c.ladder, c.created_at, c.updated_at, u.username AS owner
FROM channels c JOIN users u ON u.id = c.owner_id
WHERE c.slug = $1;

-- name: ChannelsByIDs :many
-- ids is 36-character ids joined by single commas. Those that do not exist are left out.
WITH RECURSIVE asked (id, rest) AS (
    SELECT substr(CAST(sqlc.arg(ids) AS TEXT), 1, 36), substr(CAST(sqlc.arg(ids) AS TEXT), 38)
    UNION ALL
    SELECT substr(rest, 1, 36), substr(rest, 38) FROM asked WHERE length(rest) > 0
)
SELECT c.id, c.owner_id, c.slug, c.title, c.ladder, c.created_at, c.updated_at, u.username AS owner
FROM asked
JOIN channels c ON CAST(c.id AS TEXT) = asked.id
JOIN users u ON u.id = c.owner_id
ORDER BY c.id DESC;

-- name: ChannelsBefore :many
-- A page of channels, newest first: ids are UUIDv7, so their order is that of creation.
SELECT c.id, c.owner_id, c.slug, c.title, c.ladder, c.created_at, c.updated_at, u.username AS owner
FROM channels c JOIN users u ON u.id = c.owner_id
WHERE c.id < $1
ORDER BY c.id DESC
LIMIT $2;

-- name: CountChannelsOf :one
SELECT count(*) FROM channels WHERE owner_id = $1;

-- name: UpdateChannel :execrows
UPDATE channels SET title = $2, ladder = $3, updated_at = $4 WHERE id = $1;

-- name: DeleteChannel :execrows
DELETE FROM channels WHERE id = $1;
