-- Schools. A school's people see their own, by row-level security.

-- list_schools --
-- What a listing filters and sorts.
SELECT
    id, name, code, address, phone, email, website, logo_url, is_active, timezone, max_staleness_seconds, settings,
    created_at, updated_at
FROM schools

-- get_school --
-- One school.
{list_schools} WHERE id = $1

-- lock_school --
-- One school, which nobody else changes until this transaction ends.
{get_school} FOR UPDATE

-- insert_school --
-- role: hub_admin
-- A new school.
INSERT INTO schools (
    id, name, code, address, phone, email, website, logo_url, is_active, timezone, max_staleness_seconds, settings
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb)
RETURNING
    id, name, code, address, phone, email, website, logo_url, is_active, timezone, max_staleness_seconds, settings,
    created_at, updated_at

-- update_school --
-- The school $1 as it is now. Of its settings those that are given; all others stay.
UPDATE schools
SET name = $2, code = $3, address = $4, phone = $5, email = $6, website = $7, logo_url = $8, is_active = $9,
    timezone = $10, max_staleness_seconds = $11, settings = settings || $12::jsonb
WHERE id = $1
RETURNING
    id, name, code, address, phone, email, website, logo_url, is_active, timezone, max_staleness_seconds, settings,
    created_at, updated_at

-- roles_named --
-- Which of these names are roles that people of the school $1 may have.
SELECT name FROM roles WHERE name = ANY ($2::text[]) AND (school_id IS NULL OR school_id = $1)

-- knows_zone --
-- Whether the database can tell the days of a time zone too.
SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)

-- logo_version --
-- Which logo is kept of the school $1.
SELECT version FROM school_logos WHERE school_id = $1

-- get_logo --
-- The logo that is kept of the school $1.
SELECT version, picture FROM school_logos WHERE school_id = $1

-- put_logo --
-- A logo of the school $1, in the place of another.
INSERT INTO school_logos (school_id, version, picture, uploaded_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (school_id) DO UPDATE
SET version = EXCLUDED.version, picture = EXCLUDED.picture, uploaded_by = EXCLUDED.uploaded_by, created_at = now()

-- remove_logo --
-- No logo is kept of the school $1 any more; which one it was.
DELETE FROM school_logos WHERE school_id = $1 RETURNING version

-- show_logo --
-- The logo of the school is at this address.
UPDATE schools SET logo_url = $2 WHERE id = $1 AND logo_url IS DISTINCT FROM $2

-- hide_logo --
-- It is not at this address any more.
UPDATE schools SET logo_url = NULL WHERE id = $1 AND logo_url = $2
