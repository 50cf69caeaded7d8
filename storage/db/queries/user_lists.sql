-- Lists of users, newest first: ids are UUIDv7, so their order is that of creation.
-- "Before" goes on to older ones, "After" back to newer ones, nearest first. Each is
-- driven by the index of what narrows it most; the rest is looked at row by row.

-- name: UsersBefore :many
SELECT * FROM users WHERE id < sqlc.arg(id) ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: UsersAfter :many
SELECT * FROM users WHERE id > sqlc.arg(id) ORDER BY id ASC LIMIT sqlc.arg(most);

-- name: UsersWithRoleBefore :many
SELECT * FROM users
WHERE role = sqlc.arg(role) AND id < sqlc.arg(id)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: UsersWithRoleAfter :many
SELECT * FROM users
WHERE role = sqlc.arg(role) AND id > sqlc.arg(id)
ORDER BY id ASC LIMIT sqlc.arg(most);

-- name: UsersInStateBefore :many
SELECT * FROM users
WHERE (CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN suspended_at IS NOT NULL THEN 'suspended' WHEN email_confirmed_at IS NULL THEN 'unconfirmed' ELSE 'active' END) = CAST(sqlc.arg(state) AS TEXT)
  AND (CAST(sqlc.arg(role) AS TEXT) = '' OR role = CAST(sqlc.arg(role) AS TEXT))
  AND id < sqlc.arg(id)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: UsersInStateAfter :many
SELECT * FROM users
WHERE (CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN suspended_at IS NOT NULL THEN 'suspended' WHEN email_confirmed_at IS NULL THEN 'unconfirmed' ELSE 'active' END) = CAST(sqlc.arg(state) AS TEXT)
  AND (CAST(sqlc.arg(role) AS TEXT) = '' OR role = CAST(sqlc.arg(role) AS TEXT))
  AND id > sqlc.arg(id)
ORDER BY id ASC LIMIT sqlc.arg(most);

-- name: UsersFoundBefore :many
-- Those whose name or address begins with what is looked for.
SELECT u.* FROM users u
WHERE u.id IN (
    SELECT n.id FROM users n WHERE n.username_lower COLLATE "binary" >= sqlc.arg(word) AND n.username_lower COLLATE "binary" < sqlc.arg(word_end)
    UNION
    SELECT e.id FROM users e WHERE e.email_lower COLLATE "binary" >= sqlc.arg(word) AND e.email_lower COLLATE "binary" < sqlc.arg(word_end)
  )
  AND (CAST(sqlc.arg(role) AS TEXT) = '' OR u.role = CAST(sqlc.arg(role) AS TEXT))
  AND (CAST(sqlc.arg(state) AS TEXT) = '' OR CAST(sqlc.arg(state) AS TEXT) = (CASE WHEN u.deleted_at IS NOT NULL THEN 'deleted' WHEN u.suspended_at IS NOT NULL THEN 'suspended' WHEN u.email_confirmed_at IS NULL THEN 'unconfirmed' ELSE 'active' END))
  AND u.id < sqlc.arg(id)
ORDER BY u.id DESC LIMIT sqlc.arg(most);

-- name: UsersFoundAfter :many
-- Those whose name or address begins with what is looked for.
SELECT u.* FROM users u
WHERE u.id IN (
    SELECT n.id FROM users n WHERE n.username_lower COLLATE "binary" >= sqlc.arg(word) AND n.username_lower COLLATE "binary" < sqlc.arg(word_end)
    UNION
    SELECT e.id FROM users e WHERE e.email_lower COLLATE "binary" >= sqlc.arg(word) AND e.email_lower COLLATE "binary" < sqlc.arg(word_end)
  )
  AND (CAST(sqlc.arg(role) AS TEXT) = '' OR u.role = CAST(sqlc.arg(role) AS TEXT))
  AND (CAST(sqlc.arg(state) AS TEXT) = '' OR CAST(sqlc.arg(state) AS TEXT) = (CASE WHEN u.deleted_at IS NOT NULL THEN 'deleted' WHEN u.suspended_at IS NOT NULL THEN 'suspended' WHEN u.email_confirmed_at IS NULL THEN 'unconfirmed' ELSE 'active' END))
  AND u.id > sqlc.arg(id)
ORDER BY u.id ASC LIMIT sqlc.arg(most);
