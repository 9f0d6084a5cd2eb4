-- Passes. Which school's is decided by row-level security; what becomes of them is noted by a trigger (0016).

-- pass_columns --
-- What is said of a pass.
SELECT
    id, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date, template_id, visitor_name,
    host_name, max_uses, uses, key_id, issued_by, revoked_by, revoked_at, revoke_reason, replaces_id, created_at,
    updated_at
FROM passes

-- one_pass --
-- One pass with its code.
SELECT
    id, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date, template_id, visitor_name,
    host_name, max_uses, uses, key_id, issued_by, revoked_by, revoked_at, revoke_reason, replaces_id, created_at,
    updated_at, qr_code
FROM passes WHERE id = $1

-- lock_pass --
-- One pass, which nobody else changes until this transaction ends.
{one_pass} FOR NO KEY UPDATE

-- hold_holder --
-- The student of the pass $1, if it is a student's: nobody changes them until this transaction ends.
SELECT FROM students WHERE id = (SELECT student_id FROM passes WHERE id = $1) FOR SHARE

-- code_of_pass --
-- What its QR says, and whose it is.
SELECT qr_code, pass_number, student_id FROM passes WHERE id = $1

-- act_as --
-- Who changes passes in this transaction, and why: for their history.
SELECT set_config('hub.user_id', $1, true), set_config('hub.reason', $2, true)

-- hold_student --
-- A student who is given a pass, and who is not deleted meanwhile.
SELECT status, deleted_at FROM students WHERE id = $1 AND school_id = $2 FOR SHARE

-- get_template --
-- What a new pass of the school $2 takes from its template.
SELECT pass_type, valid_days, number_prefix, is_active FROM pass_templates WHERE id = $1 AND school_id = $2

-- insert_pass --
-- A new pass of the school $2.
INSERT INTO passes (
    id, school_id, student_id, pass_number, qr_code, key_id, issue_date, expiry_date, pass_type, template_id,
    visitor_name, host_name, max_uses, issued_by, replaces_id
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- update_pass --
-- The pass $1 as it is now, under the code of its days.
UPDATE passes
SET issue_date = $2, expiry_date = $3, template_id = $4, visitor_name = $5, host_name = $6, max_uses = $7,
    status = $8, qr_code = $9, key_id = $10
WHERE id = $1

-- set_status --
-- Switched on or off; with a deleted student it does not come back by itself any more.
UPDATE passes SET status = $2, student_deleted_at = NULL WHERE id = $1

-- revoke_pass --
-- Taken back for good, by $2.
UPDATE passes
SET status = 'revoked', revoked_by = $2, revoked_at = now(), revoke_reason = $3, student_deleted_at = NULL
WHERE id = $1

-- history_of_pass --
-- What became of it, oldest first.
SELECT at, kind, user_id, reason, changes FROM pass_history WHERE pass_id = $1 ORDER BY id LIMIT 1000

-- explained_pass --
-- What a decision needs of a pass, its student and its school.
SELECT p.id, p.student_id, p.status, p.pass_type, p.issue_date, p.expiry_date, p.pass_number, p.max_uses, p.uses,
    c.number AS school_number, c.timezone, s.status AS student_status, s.deleted_at AS student_deleted
FROM passes AS p
JOIN schools AS c ON c.id = p.school_id
LEFT JOIN students AS s ON s.id = p.student_id
WHERE p.id = $1

-- explained_door --
-- What a decision needs of a door and its school.
SELECT c.number AS school_number, c.is_active AS school_active, a.is_active, a.access_type, a.fail_open,
    coalesce(a.max_staleness_seconds, c.max_staleness_seconds) AS max_staleness
FROM access_points AS a JOIN schools AS c ON c.id = a.school_id
WHERE a.id = $1 AND a.deleted_at IS NULL

-- holding --
-- Of the students $1, those who hold a pass of the kind $2 that is in force on $3. Planned for each batch, as in an import.
SELECT DISTINCT student_id FROM passes
WHERE student_id = ANY ($1::uuid[]) AND pass_type = $2 AND status = 'active' AND expiry_date >= $3

-- hold_students --
-- Students who may be given passes, and who are not deleted meanwhile.
SELECT id FROM students WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL AND status <> 'graduated' ORDER BY id FOR SHARE

-- insert_passes --
-- Passes of the school $1, issued by $2 under the key $3, of the kind $4 and the template $5, good from $6 to $7.
INSERT INTO passes (
    school_id, issued_by, key_id, pass_type, template_id, issue_date, expiry_date, id, student_id, pass_number, qr_code
)
SELECT $1, $2, $3, $4, $5, $6, $7, n.id, n.student_id, n.pass_number, n.qr_code
FROM unnest($8::uuid[], $9::uuid[], $10::text[], $11::text[]) AS n (id, student_id, pass_number, qr_code)

-- passes_to_mail --
-- The passes in force on $2 of the students $1 that are still to be mailed by the job $3; with $4 also those that
-- another job has mailed.
SELECT p.id
FROM passes AS p
JOIN students AS s ON s.id = p.student_id
WHERE p.student_id = ANY ($1::uuid[]) AND p.status = 'active' AND p.expiry_date >= $2 AND s.email <> ''
    AND NOT EXISTS (
        SELECT FROM pass_mails AS m
        WHERE m.pass_id = p.id AND (m.job_id = $3 OR (NOT $4 AND m.lookup_key = p.lookup_key AND m.state <> 'refused')))
ORDER BY p.id

-- pass_to_mail --
-- What is written to the student of the pass $1, if it still opens doors and there is an address; held until it is noted
-- that the letter has begun. The student is held before (hold_holder).
SELECT p.qr_code, p.lookup_key, p.pass_number, p.issue_date, p.expiry_date, s.email, s.first_name, s.last_name,
    c.name AS school, coalesce(t.title, '') AS title
FROM passes AS p
JOIN students AS s ON s.id = p.student_id
JOIN schools AS c ON c.id = p.school_id
LEFT JOIN pass_templates AS t ON t.id = p.template_id
WHERE p.id = $1 AND p.status = 'active' AND s.deleted_at IS NULL AND s.email <> ''
FOR SHARE OF p

-- badge_columns --
-- What is printed of passes.
SELECT p.id, p.school_id, p.student_id, p.pass_number, p.pass_type, p.qr_code, p.issue_date, p.expiry_date,
    c.name AS school, coalesce(t.title, '') AS title, coalesce(t.color, '#1f4e79') AS color,
    coalesce(s.first_name || ' ' || s.last_name, p.visitor_name, '') AS name,
    coalesce(s.program, p.host_name, '') AS program
FROM passes AS p
JOIN schools AS c ON c.id = p.school_id
LEFT JOIN students AS s ON s.id = p.student_id
LEFT JOIN pass_templates AS t ON t.id = p.template_id

-- badge_of_pass --
-- The badge of one pass, unless its student was deleted.
{badge_columns} WHERE p.id = $1 AND s.deleted_at IS NULL

-- badges_of_students --
-- The passes in force on $2 of the students $1, of the template $3 where that is said; students in their order.
{badge_columns}
WHERE p.student_id = ANY ($1::uuid[]) AND p.status = 'active' AND p.expiry_date >= $2
    AND ($3::uuid IS NULL OR p.template_id = $3)
ORDER BY array_position($1::uuid[], p.student_id), p.id

-- logo_on_badges --
-- The logo of the school $1, where it is the one in use: the school's has the address $2.
SELECT l.picture FROM school_logos AS l JOIN schools AS s ON s.id = l.school_id
WHERE l.school_id = $1 AND s.logo_url = $2

-- begin_mail --
-- About to be sent; false when this job has begun it before.
INSERT INTO pass_mails (id, school_id, pass_id, job_id, lookup_key) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (job_id, pass_id) DO NOTHING RETURNING true

-- end_mail --
-- What became of it.
UPDATE pass_mails SET state = $2, fault = $3 WHERE id = $1

-- undo_mail --
-- It was not sent, for certain; it will be tried again.
DELETE FROM pass_mails WHERE id = $1

-- cut_mails --
-- What a run before this one had begun and not ended: perhaps it was sent.
UPDATE pass_mails SET state = 'unknown', fault = 'the program ended while it was sent' WHERE job_id = $1 AND state = 'sending'

-- count_mails --
-- How many the job has sent, and what became of the others.
SELECT state, count(*) AS mails FROM pass_mails WHERE job_id = $1 GROUP BY state

-- list_mails --
-- What a listing filters and sorts.
SELECT id, pass_id, job_id, state, fault, created_at FROM pass_mails
