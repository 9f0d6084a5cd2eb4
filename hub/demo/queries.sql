-- The demo's seed. Rows come as arrays, one for each column: COPY is refused on tables with row-level security.

-- is_migrated --
-- Whether the tables are there at all, so that a person is told to migrate first.
-- role: hub_admin
SELECT to_regclass('public.device_keys') IS NOT NULL

-- lock_seed --
-- Makes a second seed of the same database wait until the first has committed.
-- role: hub_admin
SELECT pg_advisory_xact_lock(hashtextextended('passhub seed', 0))

-- seeded_schools --
-- Which of the schools with these codes are there already.
-- role: hub_admin
SELECT id, code FROM schools WHERE code = ANY ($1::text[])

-- roles_by_name --
-- The built-in roles that the migrations made.
-- role: hub_admin
SELECT name, id FROM roles WHERE built_in

-- newest_signing_key --
-- The installation's key that signs now, if it has one.
-- role: hub_admin
SELECT kid, public_key, private_key
FROM signing_keys
WHERE school_id IS NULL AND retired_at IS NULL AND compromised_at IS NULL
ORDER BY created_at DESC, kid
LIMIT 1

-- insert_signing_key --
-- A key for every school; private_key is sealed.
-- role: hub_admin
INSERT INTO signing_keys (id, kid, school_id, algorithm, public_key, private_key)
VALUES ($1, $2, NULL, 'EdDSA', $3, $4)

-- insert_school --
-- One school, whose guards may let in by hand.
-- role: hub_admin
INSERT INTO schools (id, name, code, address, phone, email, website, timezone, settings)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '{"guardDesk": true}')

-- insert_departments --
-- The departments of one school ($1).
-- role: hub_admin
INSERT INTO departments (school_id, id, code, name, head_name)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[])

-- departments_of_school --
-- Which id each department of a school has.
-- role: hub_admin
SELECT code, id FROM departments WHERE school_id = $1

-- insert_users --
-- Accounts; school_id is NULL for a super admin.
-- role: hub_admin
INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, school_id, email_verified_at)
SELECT *, now() FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::uuid[])

-- insert_access_points --
-- The doors of one school ($1).
-- role: hub_admin
INSERT INTO access_points (school_id, id, name, location, device_id, access_type)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])

-- insert_device_keys --
-- Keys of readers: their SHA-256 only.
-- role: hub_admin
INSERT INTO device_keys (id, school_id, access_point_id, key_hash)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[])

-- insert_students --
-- Students of one school ($1); sensitive columns are sealed.
-- role: hub_admin
INSERT INTO students (
    school_id, id, student_id, email, first_name, middle_name, last_name, gender,
    date_of_birth, date_of_birth_bidx, phone, phone_bidx, address, emergency_contact_name, emergency_contact_phone,
    department_id, program, year_of_study, enrollment_date, graduation_date, status
)
SELECT $1, *
FROM unnest(
    $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bytea[],
    $16::uuid[], $17::text[], $18::int[], $19::date[], $20::date[], $21::text[]
)

-- insert_portraits --
-- Portraits of students of one school ($1), whose bytes are there; drawn here, so nobody looks for viruses in them.
-- Whoever has a photo by now keeps it.
-- role: hub_admin
INSERT INTO student_photos (school_id, student_id, version, scan)
SELECT $1, s.id, p.version, 'trusted'
FROM unnest($2::uuid[], $3::uuid[]) AS p (student, version)
JOIN students AS s ON s.id = p.student AND s.deleted_at IS NULL
ON CONFLICT (student_id) DO NOTHING
RETURNING student_id

-- show_portraits --
-- Where each of them is.
-- role: hub_admin
UPDATE students AS s SET photo_url = p.url FROM unnest($1::uuid[], $2::text[]) AS p (id, url) WHERE s.id = p.id

-- without_portrait --
-- Up to $2 students of the schools with codes $1 who have no photo, of each school in turn, the oldest first.
-- role: hub_admin
SELECT s.id, s.school_id, s.student_id, s.gender
FROM students AS s
JOIN schools AS o ON o.id = s.school_id
WHERE o.code = ANY ($1::text[]) AND s.photo_url IS NULL AND s.deleted_at IS NULL
ORDER BY row_number() OVER (PARTITION BY s.school_id ORDER BY s.id), s.id
LIMIT $2::int

-- insert_passes --
-- Passes of one school ($1), issued by $2 under the signing key $3; a revoked one was revoked by $4.
-- role: hub_admin
INSERT INTO passes (
    school_id, issued_by, key_id, id, student_id, pass_number, qr_code, issue_date, expiry_date, status, pass_type,
    revoke_reason, revoked_at, revoked_by
)
SELECT
    $1, $2, $3, p.*,
    CASE WHEN p.status = 'revoked' THEN now() - interval '3 days' END,
    CASE WHEN p.status = 'revoked' THEN $4::uuid END
FROM unnest(
    $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::date[], $10::date[], $11::text[], $12::text[], $13::text[]
) AS p (id, student_id, pass_number, qr_code, issue_date, expiry_date, status, pass_type, revoke_reason)

-- access_points_of_schools --
-- The doors of the schools with these codes, in the order of their making, with the hashes of their keys in force.
-- role: hub_admin
SELECT
    a.id, a.school_id, a.name, s.code AS school_code, a.access_type,
    array(
        SELECT k.key_hash FROM device_keys AS k
        WHERE k.access_point_id = a.id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    ) AS key_hashes
FROM access_points AS a
JOIN schools AS s ON s.id = a.school_id
WHERE s.code = ANY ($1::text[]) AND a.deleted_at IS NULL
ORDER BY s.code, a.id

-- accounts_by_email --
-- The accounts with these addresses.
-- role: hub_admin
SELECT u.email, u.password_hash, r.name AS role, s.code AS school_code
FROM users AS u
JOIN roles AS r ON r.id = u.role_id
LEFT JOIN schools AS s ON s.id = u.school_id
WHERE u.email = ANY ($1::text[]) AND u.deleted_at IS NULL
ORDER BY u.id

-- replace_password --
-- A new password for the account with this address.
-- role: hub_admin
UPDATE users SET password_hash = $2 WHERE email = $1 AND deleted_at IS NULL

-- codes_by_verdict --
-- Up to $2 codes of each verdict in each of the schools with codes $1, as of today in the school's own time zone, at
-- one of its own doors; the same order of checks as hub.domain.policy. The oldest passes first: the same on each start.
-- role: hub_admin
WITH verdicts AS (
    SELECT
        s.code AS school_code, p.id AS pass_id, p.qr_code,
        CASE
            WHEN p.status = 'revoked' THEN 'revoked_pass'
            WHEN p.status = 'expired' THEN 'expired_pass'
            WHEN p.status <> 'active' THEN 'inactive_pass'
            WHEN (now() AT TIME ZONE s.timezone)::date > p.expiry_date THEN 'expired_pass'
            WHEN (now() AT TIME ZONE s.timezone)::date < p.issue_date THEN 'not_yet_valid'
            WHEN t.status = 'suspended' THEN 'student_suspended'
            WHEN t.status <> 'active' THEN 'student_inactive'
            ELSE 'granted'
        END AS verdict
    FROM schools AS s
    JOIN passes AS p ON p.school_id = s.id
    LEFT JOIN students AS t ON t.id = p.student_id
    WHERE s.code = ANY ($1::text[]) AND t.deleted_at IS NULL
),
numbered AS (
    SELECT v.*, row_number() OVER (PARTITION BY school_code, verdict ORDER BY pass_id) AS position
    FROM verdicts AS v
)
SELECT school_code, pass_id, qr_code, verdict
FROM numbered
WHERE position <= $2::int
ORDER BY school_code, verdict, position
