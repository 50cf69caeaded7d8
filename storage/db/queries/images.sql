-- name: CreateImage :exec
INSERT INTO images (id, kind, target_kind, target_id, state, source_key, created_by, created_at, updated_at)
VALUES (sqlc.arg(id), sqlc.arg(kind), sqlc.arg(target_kind), sqlc.arg(target_id), 'pending',
        sqlc.arg(source_key), sqlc.arg(created_by), sqlc.arg(at), sqlc.arg(at));

-- name: ImageByID :one
SELECT * FROM images WHERE id = $1;

-- name: CountPendingImagesOf :one
SELECT count(*) FROM images WHERE created_by = $1 AND state = 'pending';

-- name: LatestImageOf :one
SELECT id FROM images WHERE target_id = $1 AND kind = $2 ORDER BY id DESC LIMIT 1;

-- name: ImageReady :execrows
UPDATE images SET state = 'ready', variants = sqlc.arg(variants), updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND state = 'pending';

-- name: ImageFailed :execrows
UPDATE images SET state = 'failed', problem = sqlc.arg(problem), updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND state = 'pending';

-- name: ImageReplaced :execrows
UPDATE images SET state = 'replaced', updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND state IN ('pending', 'ready');

-- name: ReplaceOlderImages :many
-- Those that were shown before an image: ids are UUIDv7, so their order is that of uploads.
UPDATE images SET state = 'replaced', updated_at = sqlc.arg(at)
WHERE target_id = sqlc.arg(target_id) AND kind = sqlc.arg(kind) AND id < sqlc.arg(id)
  AND target_kind = sqlc.arg(target_kind) AND state = 'ready'
RETURNING id;

-- name: ReplaceImagesOf :many
-- All of a target, those that are not ready yet too.
UPDATE images SET state = 'replaced', updated_at = sqlc.arg(at)
WHERE target_id = sqlc.arg(target_id) AND kind = sqlc.arg(kind)
  AND target_kind = sqlc.arg(target_kind) AND state IN ('pending', 'ready')
RETURNING id;

-- name: ImagesInState :many
SELECT id, updated_at FROM images
WHERE state = sqlc.arg(state) AND id > sqlc.arg(id)
ORDER BY id
LIMIT sqlc.arg(most);

-- name: ImageShown :one
-- Whether anybody shows an image.
SELECT i.state, i.source_key, i.updated_at,
       CAST(CASE
           WHEN i.target_kind = 'user' AND EXISTS (SELECT 1 FROM users u WHERE u.id = i.target_id AND u.avatar_id = i.id) THEN 1
           WHEN i.target_kind = 'channel' AND EXISTS (
               SELECT 1 FROM channels c WHERE c.id = i.target_id AND (c.avatar_id = i.id OR c.banner_id = i.id OR c.thumbnail_id = i.id)) THEN 1
           WHEN i.target_kind = 'emote' AND EXISTS (SELECT 1 FROM emotes e WHERE e.id = i.target_id AND e.image_id = i.id) THEN 1
           WHEN i.kind = 'thumbnail' AND EXISTS (SELECT 1 FROM broadcasts b WHERE b.thumbnail_id = i.id) THEN 1
           ELSE 0 END AS BIGINT) AS shown
FROM images i
WHERE i.id = $1;

-- name: ImageExists :one
SELECT count(*) FROM images WHERE id = $1;

-- name: DeleteImage :execrows
DELETE FROM images WHERE id = $1 AND state <> 'pending';

-- name: ShowUserAvatar :execrows
-- Shows an image, unless a newer one is shown. So do the others.
UPDATE users SET avatar_id = sqlc.arg(image_id), version = version + 1
WHERE id = sqlc.arg(id) AND (avatar_id IS NULL OR avatar_id < sqlc.arg(image_id));

-- name: ShowChannelAvatar :one
UPDATE channels SET avatar_id = sqlc.arg(image_id), version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND (avatar_id IS NULL OR avatar_id < sqlc.arg(image_id))
RETURNING slug;

-- name: ShowChannelBanner :one
UPDATE channels SET banner_id = sqlc.arg(image_id), version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND (banner_id IS NULL OR banner_id < sqlc.arg(image_id))
RETURNING slug;

-- name: ShowChannelThumbnail :one
UPDATE channels SET thumbnail_id = sqlc.arg(image_id), version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND (thumbnail_id IS NULL OR thumbnail_id < sqlc.arg(image_id))
RETURNING slug;

-- name: ShowBroadcastThumbnail :execrows
UPDATE broadcasts SET thumbnail_id = sqlc.arg(image_id), version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND (thumbnail_id IS NULL OR thumbnail_id < sqlc.arg(image_id));

-- name: HideUserAvatar :execrows
UPDATE users SET avatar_id = NULL, version = version + 1 WHERE id = $1 AND avatar_id IS NOT NULL;

-- name: HideChannelAvatar :execrows
UPDATE channels SET avatar_id = NULL, version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND avatar_id IS NOT NULL;

-- name: HideChannelBanner :execrows
UPDATE channels SET banner_id = NULL, version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND banner_id IS NOT NULL;

-- name: HideChannelThumbnail :execrows
UPDATE channels SET thumbnail_id = NULL, version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND thumbnail_id IS NOT NULL;

-- name: HideBroadcastThumbnail :execrows
UPDATE broadcasts SET thumbnail_id = NULL, version = version + 1, updated_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND thumbnail_id IS NOT NULL;
