-- name: EmotesOfChannel :many
SELECT e.id, e.code, e.image_id, e.created_at, CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM emotes e LEFT JOIN users u ON u.id = e.created_by
WHERE e.channel_id = sqlc.arg(channel_id)
ORDER BY e.code
LIMIT sqlc.arg(most);

-- name: EmotesOfInstance :many
SELECT e.id, e.code, e.image_id, e.created_at, CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM emotes e LEFT JOIN users u ON u.id = e.created_by
WHERE e.channel_id IS NULL AND e.code > ''
ORDER BY e.code
LIMIT sqlc.arg(most);

-- name: CountEmotesOfChannel :one
SELECT count(*) FROM emotes WHERE channel_id = $1;

-- name: CreateEmote :exec
INSERT INTO emotes (id, channel_id, code, created_by, created_at)
VALUES (sqlc.arg(id), sqlc.arg(channel_id), sqlc.arg(code), sqlc.arg(created_by), sqlc.arg(at));

-- name: EmoteByID :one
SELECT channel_id, code FROM emotes WHERE id = $1;

-- name: DeleteEmote :execrows
DELETE FROM emotes WHERE id = $1;

-- name: ShowEmote :one
-- Shows an image, unless a newer one is shown.
UPDATE emotes SET image_id = sqlc.arg(image_id)
WHERE id = sqlc.arg(id) AND (image_id IS NULL OR image_id < sqlc.arg(image_id))
RETURNING channel_id;
