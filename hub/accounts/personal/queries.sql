-- student_key --
-- A student's key, sealed; no row or NULL when there is none.
SELECT key FROM student_keys WHERE student_id = $1

-- keys_of_students --
-- The keys of these students, of those that have one.
SELECT student_id, key FROM student_keys WHERE student_id = ANY ($1::uuid[]) AND key IS NOT NULL

-- add_student_key --
-- A first key; true when it was. One that another transaction makes in this moment is waited for, and kept.
INSERT INTO student_keys (student_id, school_id, key) VALUES ($1, $2, $3)
ON CONFLICT (student_id) DO NOTHING RETURNING true

-- erase_student_key --
-- The key is gone for good; that it is, is remembered.
INSERT INTO student_keys (student_id, school_id, key, erased_at) VALUES ($1, $2, NULL, now())
ON CONFLICT (student_id) DO UPDATE SET key = NULL, erased_at = now() WHERE student_keys.key IS NOT NULL

-- students_to_reseal --
-- role: hub_admin
-- The next $3 students after $2 with a value that another key than the one with head $1 has sealed.
SELECT id, school_id, date_of_birth, phone, address, emergency_contact_name, emergency_contact_phone
FROM students
WHERE id > $2 AND (
    substring(date_of_birth FROM 1 FOR 5) <> $1 OR substring(phone FROM 1 FOR 5) <> $1
    OR substring(address FROM 1 FOR 5) <> $1 OR substring(emergency_contact_name FROM 1 FOR 5) <> $1
    OR substring(emergency_contact_phone FROM 1 FOR 5) <> $1
)
ORDER BY id LIMIT $3 FOR NO KEY UPDATE

-- reseal_students --
-- role: hub_admin
-- The same values, and their blind indexes, under another key.
UPDATE students AS s
SET date_of_birth = n.date_of_birth, phone = n.phone, address = n.address,
    emergency_contact_name = n.emergency_contact_name, emergency_contact_phone = n.emergency_contact_phone,
    date_of_birth_bidx = n.date_of_birth_bidx, phone_bidx = n.phone_bidx
FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[])
    AS n (id, date_of_birth, phone, address, emergency_contact_name, emergency_contact_phone,
        date_of_birth_bidx, phone_bidx)
WHERE s.id = n.id

-- signing_keys_to_reseal --
-- role: hub_admin
-- The next $3 signing keys after $2 whose private half another key than the one with head $1 has sealed.
SELECT id, kid, private_key FROM signing_keys
WHERE id > $2 AND substring(private_key FROM 1 FOR 5) <> $1 ORDER BY id LIMIT $3 FOR NO KEY UPDATE

-- reseal_signing_keys --
-- role: hub_admin
-- The same private halves under another key.
UPDATE signing_keys AS s SET private_key = n.private_key
FROM unnest($1::uuid[], $2::bytea[]) AS n (id, private_key) WHERE s.id = n.id

-- student_keys_to_reseal --
-- role: hub_admin
-- The next $3 students' keys after $2 that another key than the one with head $1 has sealed.
SELECT student_id AS id, key FROM student_keys
WHERE student_id > $2 AND substring(key FROM 1 FOR 5) <> $1 ORDER BY student_id LIMIT $3 FOR NO KEY UPDATE

-- reseal_student_keys --
-- role: hub_admin
-- The same students' keys under another key; one that was erased meanwhile stays erased.
UPDATE student_keys AS s SET key = n.key
FROM unnest($1::uuid[], $2::bytea[]) AS n (id, key) WHERE s.student_id = n.id AND s.key IS NOT NULL

-- job_runs_to_reseal --
-- role: hub_admin
-- The next $3 jobs after $2 whose params another key than the one with head $1 has sealed.
SELECT id, params FROM job_runs
WHERE id > $2 AND substring(params FROM 1 FOR 5) <> $1 ORDER BY id LIMIT $3 FOR NO KEY UPDATE

-- reseal_job_runs --
-- role: hub_admin
-- The same params under another key.
UPDATE job_runs AS s SET params = n.params FROM unnest($1::uuid[], $2::bytea[]) AS n (id, params) WHERE s.id = n.id

-- job_files_to_reseal --
-- role: hub_admin
-- The next $3 files of jobs after $2 whose own key another key than the one with head $1 has sealed.
SELECT id, key FROM job_files
WHERE id > $2 AND substring(key FROM 1 FOR 5) <> $1 ORDER BY id LIMIT $3 FOR NO KEY UPDATE

-- reseal_job_files --
-- role: hub_admin
-- The same files' keys under another key.
UPDATE job_files AS s SET key = n.key FROM unnest($1::uuid[], $2::bytea[]) AS n (id, key) WHERE s.id = n.id

-- second_factors_to_reseal --
-- role: hub_admin
-- The next $3 second factors after $2 whose secret another key than the one with head $1 has sealed.
SELECT user_id AS id, secret FROM second_factors
WHERE user_id > $2 AND substring(secret FROM 1 FOR 5) <> $1 ORDER BY user_id LIMIT $3 FOR NO KEY UPDATE

-- reseal_second_factors --
-- role: hub_admin
-- The same secrets under another key.
UPDATE second_factors AS s SET secret = n.secret
FROM unnest($1::uuid[], $2::bytea[]) AS n (user_id, secret) WHERE s.user_id = n.user_id

-- token_keys_to_reseal --
-- role: hub_admin
-- The next $3 keys of access tokens after $2 whose private half another key than the one with head $1 has sealed.
SELECT id, private_key FROM token_keys
WHERE id > $2 AND substring(private_key FROM 1 FOR 5) <> $1 ORDER BY id LIMIT $3 FOR NO KEY UPDATE

-- reseal_token_keys --
-- role: hub_admin
-- The same private halves under another key.
UPDATE token_keys AS s SET private_key = n.private_key
FROM unnest($1::uuid[], $2::bytea[]) AS n (id, private_key) WHERE s.id = n.id

-- keep_times --
-- role: hub_admin
-- In this transaction updated_at stays as it is.
SELECT set_config('hub.resealing', 'on', true)
