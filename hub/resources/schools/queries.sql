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
