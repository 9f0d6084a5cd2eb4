-- Wall screens. Which school's is decided by row-level security.

-- list_wall_screens --
-- Those that were not revoked.
SELECT id, school_id, name, created_by, created_at, claimed_at, last_seen_at, expires_at FROM wall_screens
WHERE revoked_at IS NULL

-- get_wall_screen --
-- One of them.
{list_wall_screens} AND id = $1

-- lock_wall_screen --
-- One of them, which nobody else changes until this transaction ends.
{get_wall_screen} FOR UPDATE

-- name_wall_screen --
-- What people call it.
UPDATE wall_screens SET name = $2 WHERE id = $1

-- revoke_wall_screen --
-- It is let in no more.
UPDATE wall_screens SET revoked_at = now() WHERE id = $1
