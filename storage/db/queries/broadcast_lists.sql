-- Lists of broadcasts are in the order of when they went on air, else are planned to,
-- else were made; each in both directions. The text of COALESCE is that of the indexes.

-- name: BroadcastByID :one
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcasts b JOIN channels c ON c.id = b.channel_id
WHERE b.id = $1;

-- name: BroadcastsListedBefore :many
-- Broadcasts of public channels in one state, as everyone sees them.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcasts b
CROSS JOIN channels c
CROSS JOIN users o
WHERE c.id = b.channel_id AND o.id = c.owner_id AND b.state = sqlc.arg(state)
  AND (b.published_at IS NOT NULL OR b.state IN ('live', 'scheduled'))
  AND (b.state <> 'scheduled' OR b.planned_end > sqlc.arg(now))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(since)
  AND c.visibility = 'public' AND o.deleted_at IS NULL AND o.suspended_at IS NULL
  AND COALESCE(b.started_at, b.planned_start, b.created_at) <= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) < sqlc.arg(at) OR b.id < sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at) DESC, b.id DESC
LIMIT sqlc.arg(most);

-- name: BroadcastsListedAfter :many
-- Broadcasts of public channels in one state, as everyone sees them.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcasts b
CROSS JOIN channels c
CROSS JOIN users o
WHERE c.id = b.channel_id AND o.id = c.owner_id AND b.state = sqlc.arg(state)
  AND (b.published_at IS NOT NULL OR b.state IN ('live', 'scheduled'))
  AND (b.state <> 'scheduled' OR b.planned_end > sqlc.arg(now))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(since)
  AND c.visibility = 'public' AND o.deleted_at IS NULL AND o.suspended_at IS NULL
  AND COALESCE(b.started_at, b.planned_start, b.created_at) >= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(at) OR b.id > sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at), b.id
LIMIT sqlc.arg(most);

-- name: BroadcastsTaggedBefore :many
-- Likewise, with a tag. The cast has SQLite look broadcasts up by their ids.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcast_tags t
CROSS JOIN broadcasts b
CROSS JOIN channels c
CROSS JOIN users o
WHERE t.tag = sqlc.arg(tag) AND b.id = t.broadcast_id
  AND c.id = b.channel_id AND o.id = c.owner_id AND CAST(b.state AS TEXT) = sqlc.arg(state)
  AND (b.published_at IS NOT NULL OR b.state IN ('live', 'scheduled'))
  AND (b.state <> 'scheduled' OR b.planned_end > sqlc.arg(now))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(since)
  AND c.visibility = 'public' AND o.deleted_at IS NULL AND o.suspended_at IS NULL
  AND COALESCE(b.started_at, b.planned_start, b.created_at) <= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) < sqlc.arg(at) OR b.id < sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at) DESC, b.id DESC
LIMIT sqlc.arg(most);

-- name: BroadcastsTaggedAfter :many
-- Likewise, with a tag. The cast has SQLite look broadcasts up by their ids.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcast_tags t
CROSS JOIN broadcasts b
CROSS JOIN channels c
CROSS JOIN users o
WHERE t.tag = sqlc.arg(tag) AND b.id = t.broadcast_id
  AND c.id = b.channel_id AND o.id = c.owner_id AND CAST(b.state AS TEXT) = sqlc.arg(state)
  AND (b.published_at IS NOT NULL OR b.state IN ('live', 'scheduled'))
  AND (b.state <> 'scheduled' OR b.planned_end > sqlc.arg(now))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(since)
  AND c.visibility = 'public' AND o.deleted_at IS NULL AND o.suspended_at IS NULL
  AND COALESCE(b.started_at, b.planned_start, b.created_at) >= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(at) OR b.id > sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at), b.id
LIMIT sqlc.arg(most);

-- name: BroadcastsFoundBefore :many
-- Broadcasts with a word that begins with each of the words asked for; those beyond
-- the first, and the tag, may be empty.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM (SELECT DISTINCT w.broadcast_id FROM broadcast_words w WHERE w.word >= sqlc.arg(word1) AND w.word < sqlc.arg(after1)) f
CROSS JOIN broadcasts b
CROSS JOIN channels c
CROSS JOIN users o
WHERE b.id = f.broadcast_id AND c.id = b.channel_id AND o.id = c.owner_id AND CAST(b.state AS TEXT) = sqlc.arg(state)
  AND (CAST(sqlc.arg(word2) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word2) AND w.word < sqlc.arg(after2)))
  AND (CAST(sqlc.arg(word3) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word3) AND w.word < sqlc.arg(after3)))
  AND (CAST(sqlc.arg(word4) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word4) AND w.word < sqlc.arg(after4)))
  AND (CAST(sqlc.arg(word5) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word5) AND w.word < sqlc.arg(after5)))
  AND (CAST(sqlc.arg(word6) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word6) AND w.word < sqlc.arg(after6)))
  AND (CAST(sqlc.arg(tag) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_tags t WHERE t.tag = sqlc.arg(tag) AND t.broadcast_id = b.id))
  AND (b.published_at IS NOT NULL OR b.state IN ('live', 'scheduled'))
  AND (b.state <> 'scheduled' OR b.planned_end > sqlc.arg(now))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(since)
  AND c.visibility = 'public' AND o.deleted_at IS NULL AND o.suspended_at IS NULL
  AND COALESCE(b.started_at, b.planned_start, b.created_at) <= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) < sqlc.arg(at) OR b.id < sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at) DESC, b.id DESC
LIMIT sqlc.arg(most);

-- name: BroadcastsFoundAfter :many
-- Broadcasts with a word that begins with each of the words asked for; those beyond
-- the first, and the tag, may be empty.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM (SELECT DISTINCT w.broadcast_id FROM broadcast_words w WHERE w.word >= sqlc.arg(word1) AND w.word < sqlc.arg(after1)) f
CROSS JOIN broadcasts b
CROSS JOIN channels c
CROSS JOIN users o
WHERE b.id = f.broadcast_id AND c.id = b.channel_id AND o.id = c.owner_id AND CAST(b.state AS TEXT) = sqlc.arg(state)
  AND (CAST(sqlc.arg(word2) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word2) AND w.word < sqlc.arg(after2)))
  AND (CAST(sqlc.arg(word3) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word3) AND w.word < sqlc.arg(after3)))
  AND (CAST(sqlc.arg(word4) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word4) AND w.word < sqlc.arg(after4)))
  AND (CAST(sqlc.arg(word5) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word5) AND w.word < sqlc.arg(after5)))
  AND (CAST(sqlc.arg(word6) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_words w WHERE w.broadcast_id = b.id AND w.word >= sqlc.arg(word6) AND w.word < sqlc.arg(after6)))
  AND (CAST(sqlc.arg(tag) AS TEXT) = '' OR EXISTS (SELECT 1 FROM broadcast_tags t WHERE t.tag = sqlc.arg(tag) AND t.broadcast_id = b.id))
  AND (b.published_at IS NOT NULL OR b.state IN ('live', 'scheduled'))
  AND (b.state <> 'scheduled' OR b.planned_end > sqlc.arg(now))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(since)
  AND c.visibility = 'public' AND o.deleted_at IS NULL AND o.suspended_at IS NULL
  AND COALESCE(b.started_at, b.planned_start, b.created_at) >= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(at) OR b.id > sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at), b.id
LIMIT sqlc.arg(most);

-- name: BroadcastsOfBefore :many
-- Broadcasts of a channel: those that viewers see, or all.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcasts b JOIN channels c ON c.id = b.channel_id
WHERE b.channel_id = sqlc.arg(channel_id)
  AND (CAST(sqlc.arg(hidden) AS BIGINT) = 1 OR b.published_at IS NOT NULL OR b.state = 'live'
       OR (b.state = 'scheduled' AND b.planned_end > sqlc.arg(now)))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) <= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) < sqlc.arg(at) OR b.id < sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at) DESC, b.id DESC
LIMIT sqlc.arg(most);

-- name: BroadcastsOfAfter :many
-- Broadcasts of a channel: those that viewers see, or all.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcasts b JOIN channels c ON c.id = b.channel_id
WHERE b.channel_id = sqlc.arg(channel_id)
  AND (CAST(sqlc.arg(hidden) AS BIGINT) = 1 OR b.published_at IS NOT NULL OR b.state = 'live'
       OR (b.state = 'scheduled' AND b.planned_end > sqlc.arg(now)))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) >= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(at) OR b.id > sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at), b.id
LIMIT sqlc.arg(most);

-- name: BroadcastsOfInBefore :many
-- Likewise of one state.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcasts b JOIN channels c ON c.id = b.channel_id
WHERE b.channel_id = sqlc.arg(channel_id) AND b.state = sqlc.arg(state)
  AND (CAST(sqlc.arg(hidden) AS BIGINT) = 1 OR b.published_at IS NOT NULL OR b.state = 'live'
       OR (b.state = 'scheduled' AND b.planned_end > sqlc.arg(now)))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) <= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) < sqlc.arg(at) OR b.id < sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at) DESC, b.id DESC
LIMIT sqlc.arg(most);

-- name: BroadcastsOfInAfter :many
-- Likewise of one state.
SELECT sqlc.embed(b), c.slug AS channel_slug, c.title AS channel_title,
       CAST(COALESCE((SELECT string_agg(x.tag, ' ') FROM broadcast_tags x WHERE x.broadcast_id = b.id), '') AS TEXT) AS tags
FROM broadcasts b JOIN channels c ON c.id = b.channel_id
WHERE b.channel_id = sqlc.arg(channel_id) AND b.state = sqlc.arg(state)
  AND (CAST(sqlc.arg(hidden) AS BIGINT) = 1 OR b.published_at IS NOT NULL OR b.state = 'live'
       OR (b.state = 'scheduled' AND b.planned_end > sqlc.arg(now)))
  AND COALESCE(b.started_at, b.planned_start, b.created_at) >= sqlc.arg(at)
  AND (COALESCE(b.started_at, b.planned_start, b.created_at) > sqlc.arg(at) OR b.id > sqlc.arg(id))
ORDER BY COALESCE(b.started_at, b.planned_start, b.created_at), b.id
LIMIT sqlc.arg(most);
