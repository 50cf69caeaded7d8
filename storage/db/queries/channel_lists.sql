-- Lists of channels, newest first: ids are UUIDv7, so their order is that of creation.
-- …Before is for turning pages forward, …After backward. Each begins with what leaves
-- the fewest channels and filters these; CROSS JOIN keeps SQLite to that order. An
-- empty filter lets all through; closed = 1 also channels of those deleted or suspended.

-- name: AllChannelIDsBefore :many
-- Every channel.
SELECT c.id
FROM channels c
WHERE c.id < sqlc.arg(edge)
ORDER BY c.id DESC
LIMIT sqlc.arg(most);

-- name: AllChannelIDsAfter :many
SELECT c.id
FROM channels c
WHERE c.id > sqlc.arg(edge)
ORDER BY c.id
LIMIT sqlc.arg(most);

-- name: ChannelIDsByVisibilityBefore :many
-- Those that not everyone may see are the caller's to leave out.
SELECT c.id
FROM channels c JOIN users o ON o.id = c.owner_id
WHERE c.visibility = sqlc.arg(visibility) AND c.id < sqlc.arg(edge)
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY c.id DESC
LIMIT sqlc.arg(most);

-- name: ChannelIDsByVisibilityAfter :many
SELECT c.id
FROM channels c JOIN users o ON o.id = c.owner_id
WHERE c.visibility = sqlc.arg(visibility) AND c.id > sqlc.arg(edge)
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY c.id
LIMIT sqlc.arg(most);

-- name: ChannelIDsByCategoryBefore :many
SELECT c.id
FROM channels c JOIN users o ON o.id = c.owner_id
WHERE c.category = sqlc.arg(category) AND c.id < sqlc.arg(edge)
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY c.id DESC
LIMIT sqlc.arg(most);

-- name: ChannelIDsByCategoryAfter :many
SELECT c.id
FROM channels c JOIN users o ON o.id = c.owner_id
WHERE c.category = sqlc.arg(category) AND c.id > sqlc.arg(edge)
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY c.id
LIMIT sqlc.arg(most);

-- name: ChannelIDsByOwnerBefore :many
SELECT c.id
FROM users o JOIN channels c ON c.owner_id = o.id
WHERE o.username_lower = sqlc.arg(owner) AND c.id < sqlc.arg(edge)
  AND (CAST(sqlc.arg(category) AS TEXT) = '' OR c.category = sqlc.arg(category))
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY c.id DESC
LIMIT sqlc.arg(most);

-- name: ChannelIDsByOwnerAfter :many
SELECT c.id
FROM users o JOIN channels c ON c.owner_id = o.id
WHERE o.username_lower = sqlc.arg(owner) AND c.id > sqlc.arg(edge)
  AND (CAST(sqlc.arg(category) AS TEXT) = '' OR c.category = sqlc.arg(category))
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY c.id
LIMIT sqlc.arg(most);

-- name: ChannelIDsByTagBefore :many
SELECT c.id
FROM channel_tags found
CROSS JOIN channels c
CROSS JOIN users o
WHERE c.id = found.channel_id AND o.id = c.owner_id AND found.tag = sqlc.arg(tag) AND found.channel_id < sqlc.arg(edge)
  AND (CAST(sqlc.arg(owner) AS TEXT) = '' OR o.username_lower = sqlc.arg(owner))
  AND (CAST(sqlc.arg(category) AS TEXT) = '' OR c.category = sqlc.arg(category))
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY found.channel_id DESC
LIMIT sqlc.arg(most);

-- name: ChannelIDsByTagAfter :many
SELECT c.id
FROM channel_tags found
CROSS JOIN channels c
CROSS JOIN users o
WHERE c.id = found.channel_id AND o.id = c.owner_id AND found.tag = sqlc.arg(tag) AND found.channel_id > sqlc.arg(edge)
  AND (CAST(sqlc.arg(owner) AS TEXT) = '' OR o.username_lower = sqlc.arg(owner))
  AND (CAST(sqlc.arg(category) AS TEXT) = '' OR c.category = sqlc.arg(category))
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY found.channel_id
LIMIT sqlc.arg(most);

-- name: ChannelIDsByWordsBefore :many
-- The channels with words that begin with each of word1 to word6; an empty one asks
-- for nothing. Those of word1 are looked up first: it should be the rarest.
SELECT c.id
FROM (SELECT DISTINCT f.channel_id FROM channel_words f
      WHERE f.word >= sqlc.arg(word1) AND f.word < sqlc.arg(after1) AND f.channel_id < sqlc.arg(edge)) found
CROSS JOIN channels c
CROSS JOIN users o
WHERE c.id = found.channel_id AND o.id = c.owner_id
  AND (CAST(sqlc.arg(word2) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word2) AND w.word < sqlc.arg(after2)))
  AND (CAST(sqlc.arg(word3) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word3) AND w.word < sqlc.arg(after3)))
  AND (CAST(sqlc.arg(word4) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word4) AND w.word < sqlc.arg(after4)))
  AND (CAST(sqlc.arg(word5) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word5) AND w.word < sqlc.arg(after5)))
  AND (CAST(sqlc.arg(word6) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word6) AND w.word < sqlc.arg(after6)))
  AND (CAST(sqlc.arg(tag) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_tags t WHERE t.tag = sqlc.arg(tag) AND t.channel_id = c.id))
  AND (CAST(sqlc.arg(owner) AS TEXT) = '' OR o.username_lower = sqlc.arg(owner))
  AND (CAST(sqlc.arg(category) AS TEXT) = '' OR c.category = sqlc.arg(category))
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY found.channel_id DESC
LIMIT sqlc.arg(most);

-- name: ChannelIDsByWordsAfter :many
SELECT c.id
FROM (SELECT DISTINCT f.channel_id FROM channel_words f
      WHERE f.word >= sqlc.arg(word1) AND f.word < sqlc.arg(after1) AND f.channel_id > sqlc.arg(edge)) found
CROSS JOIN channels c
CROSS JOIN users o
WHERE c.id = found.channel_id AND o.id = c.owner_id
  AND (CAST(sqlc.arg(word2) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word2) AND w.word < sqlc.arg(after2)))
  AND (CAST(sqlc.arg(word3) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word3) AND w.word < sqlc.arg(after3)))
  AND (CAST(sqlc.arg(word4) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word4) AND w.word < sqlc.arg(after4)))
  AND (CAST(sqlc.arg(word5) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word5) AND w.word < sqlc.arg(after5)))
  AND (CAST(sqlc.arg(word6) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_words w WHERE w.channel_id = c.id AND w.word >= sqlc.arg(word6) AND w.word < sqlc.arg(after6)))
  AND (CAST(sqlc.arg(tag) AS TEXT) = '' OR EXISTS (SELECT 1 FROM channel_tags t WHERE t.tag = sqlc.arg(tag) AND t.channel_id = c.id))
  AND (CAST(sqlc.arg(owner) AS TEXT) = '' OR o.username_lower = sqlc.arg(owner))
  AND (CAST(sqlc.arg(category) AS TEXT) = '' OR c.category = sqlc.arg(category))
  AND (CAST(sqlc.arg(visibility) AS TEXT) = '' OR c.visibility = sqlc.arg(visibility))
  AND (CAST(sqlc.arg(closed) AS BIGINT) = 1 OR (o.deleted_at IS NULL AND o.suspended_at IS NULL))
ORDER BY found.channel_id
LIMIT sqlc.arg(most);

-- name: ChannelsOfUserBefore :many
-- A person's own channels and those where they are a member.
SELECT mine.id, CAST(mine.role AS TEXT) AS role
FROM (
    SELECT c.id, 'owner' AS role FROM channels c
    WHERE c.owner_id = sqlc.arg(user_id) AND c.id < sqlc.arg(edge)
    UNION ALL
    SELECT m.channel_id, m.role
    FROM channel_members m JOIN channels c ON c.id = m.channel_id JOIN users o ON o.id = c.owner_id
    WHERE m.user_id = sqlc.arg(user_id) AND m.channel_id < sqlc.arg(edge)
      AND o.deleted_at IS NULL AND o.suspended_at IS NULL
) mine
ORDER BY mine.id DESC
LIMIT sqlc.arg(most);

-- name: ChannelsOfUserAfter :many
SELECT mine.id, CAST(mine.role AS TEXT) AS role
FROM (
    SELECT c.id, 'owner' AS role FROM channels c
    WHERE c.owner_id = sqlc.arg(user_id) AND c.id > sqlc.arg(edge)
    UNION ALL
    SELECT m.channel_id, m.role
    FROM channel_members m JOIN channels c ON c.id = m.channel_id JOIN users o ON o.id = c.owner_id
    WHERE m.user_id = sqlc.arg(user_id) AND m.channel_id > sqlc.arg(edge)
      AND o.deleted_at IS NULL AND o.suspended_at IS NULL
) mine
ORDER BY mine.id
LIMIT sqlc.arg(most);
