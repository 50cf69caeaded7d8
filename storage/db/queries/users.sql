-- name: CreateUser :exec
INSERT INTO users (id, username, username_lower, email, email_lower, password_hash, role, created_at, email_confirmed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: UserByID :one
SELECT * FROM users WHERE id = $1 AND deleted_at IS NULL;

-- name: UserByUsername :one
SELECT * FROM users WHERE username_lower = $1 AND deleted_at IS NULL;

-- name: UserByEmail :one
SELECT * FROM users WHERE email_lower = $1 AND deleted_at IS NULL;

-- name: HasUserWithRole :one
SELECT EXISTS (SELECT 1 FROM users WHERE role = $1 AND deleted_at IS NULL);
