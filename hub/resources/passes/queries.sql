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

-- code_of_pass --
-- What its QR says.
SELECT qr_code, pass_number FROM passes WHERE id = $1

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
-- Switched on or off.
UPDATE passes SET status = $2 WHERE id = $1

-- revoke_pass --
-- Taken back for good, by $2.
UPDATE passes SET status = 'revoked', revoked_by = $2, revoked_at = now(), revoke_reason = $3 WHERE id = $1

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
