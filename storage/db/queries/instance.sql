-- name: InstanceSettings :one
SELECT doc, version, updated_at FROM settings WHERE id = 1;

-- name: InstanceCreateSettings :execrows
-- Changes nothing where there are settings already.
INSERT INTO settings (id, doc, version, updated_at) VALUES (1, $1, 1, $2)
ON CONFLICT (id) DO NOTHING;

-- name: InstanceUpdateSettings :execrows
UPDATE settings SET doc = sqlc.arg(doc), updated_at = sqlc.arg(updated_at), version = version + 1
WHERE id = 1 AND version = sqlc.arg(version);

-- name: InstanceSessionFacts :one
-- What the database knows of a session: the key that opened it may be gone.
SELECT u.username AS owner,
       CAST(COALESCE(k.label, '') AS TEXT) AS key_label,
       CAST(COALESCE(k.hint, '') AS TEXT) AS key_hint
FROM channels c
JOIN users u ON u.id = c.owner_id
LEFT JOIN stream_keys k ON k.id = sqlc.arg(key_id) AND k.channel_id = c.id
WHERE c.id = sqlc.arg(channel_id);
