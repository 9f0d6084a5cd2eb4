-- Doors and their keys. Which school's is decided by row-level security.

-- list_points --
-- What a listing filters and sorts.
SELECT
    id, school_id, name, location, device_id, access_type, is_active, max_staleness_seconds, fail_open, created_at,
    updated_at
FROM access_points
WHERE deleted_at IS NULL

-- get_point --
-- One door.
{list_points} AND id = $1

-- lock_point --
-- One door, which nobody else changes until this transaction ends.
{get_point} FOR UPDATE

-- insert_point --
-- A new door of the school $2.
INSERT INTO access_points (
    id, school_id, name, location, device_id, access_type, is_active, max_staleness_seconds, fail_open
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING
    id, school_id, name, location, device_id, access_type, is_active, max_staleness_seconds, fail_open, created_at,
    updated_at

-- update_point --
-- The door $1 as it is now.
UPDATE access_points
SET name = $2, location = $3, device_id = $4, access_type = $5, is_active = $6, max_staleness_seconds = $7,
    fail_open = $8
WHERE id = $1
RETURNING
    id, school_id, name, location, device_id, access_type, is_active, max_staleness_seconds, fail_open, created_at,
    updated_at

-- delete_point --
-- The door stays for the logs. Its reader may be enrolled anew: the serial number is given free.
UPDATE access_points SET deleted_at = now(), is_active = false, device_id = NULL WHERE id = $1

-- insert_key --
-- A reader's key; only its SHA-256.
INSERT INTO device_keys (id, school_id, access_point_id, key_hash) VALUES ($1, $2, $3, $4)

-- expire_keys --
-- Every key in force of the door $1 works until $2 at most.
UPDATE device_keys
SET expires_at = $2
WHERE access_point_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)

-- revoke_keys --
-- No key of the door $1 works any more, by $2.
UPDATE device_keys
SET revoked_at = now(), revoked_by = $2, revoke_reason = 'access point deleted'
WHERE access_point_id = $1 AND revoked_at IS NULL

-- insert_ticket --
-- A ticket for the door $3, of a session of a user; only its SHA-256, good for $6 seconds.
INSERT INTO reader_tickets (hash, school_id, access_point_id, user_id, session_id, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
