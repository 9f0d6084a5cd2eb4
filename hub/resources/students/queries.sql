-- Students, one by one. Which school's is decided by row-level security. Lists: hub/rest/students.

-- get_student --
-- One student, also one that was deleted, but none that was erased.
SELECT
    id, school_id, student_id, email, first_name, last_name, middle_name, date_of_birth, gender, phone, address,
    emergency_contact_name, emergency_contact_phone, department_id, program, year_of_study, enrollment_date,
    graduation_date, status, photo_url, created_at, updated_at, deleted_at
FROM students
WHERE id = $1 AND erased_at IS NULL

-- lock_student --
-- One student, whom nobody else changes until this transaction ends.
{get_student} FOR UPDATE

-- school_settings --
-- What a school wants to know of its students.
SELECT settings FROM schools WHERE id = $1

-- is_department --
-- Whether a department is one of the school $2.
SELECT EXISTS (SELECT FROM departments WHERE id = $1 AND school_id = $2)

-- insert_student --
-- A new student of the school $2.
INSERT INTO students (
    id, school_id, student_id, email, first_name, last_name, middle_name, gender, department_id, program, year_of_study,
    enrollment_date, graduation_date, status, date_of_birth, phone, address, emergency_contact_name,
    emergency_contact_phone, date_of_birth_bidx, phone_bidx
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)

-- update_student --
-- The student $1 as it is now.
UPDATE students
SET student_id = $2, email = $3, first_name = $4, last_name = $5, middle_name = $6, gender = $7, department_id = $8,
    program = $9, year_of_study = $10, enrollment_date = $11, graduation_date = $12, status = $13, date_of_birth = $14,
    phone = $15, address = $16, emergency_contact_name = $17, emergency_contact_phone = $18, date_of_birth_bidx = $19,
    phone_bidx = $20
WHERE id = $1

-- delete_student --
-- Nobody lists the student any more; logs point to it, and it can come back.
UPDATE students SET deleted_at = now() WHERE id = $1

-- restore_student --
-- The student is there again.
UPDATE students SET deleted_at = NULL WHERE id = $1 AND deleted_at IS NOT NULL

-- say_why --
-- Who ($1) changes passes in this transaction, and why ($2), for whatever notes it.
SELECT set_config('hub.user_id', $1, true), set_config('hub.reason', $2, true)

-- deactivate_passes --
-- The passes of a deleted student open nothing.
UPDATE passes SET status = 'inactive', student_deleted_at = now() WHERE student_id = $1 AND status = 'active'
RETURNING id

-- reactivate_passes --
-- Those that were active when their student was deleted, and that nobody touched since, open doors again.
WITH back AS (
    SELECT id, status FROM passes WHERE student_id = $1 AND student_deleted_at IS NOT NULL FOR UPDATE
), done AS (
    UPDATE passes AS p
    SET student_deleted_at = NULL, status = CASE b.status WHEN 'inactive' THEN 'active' ELSE b.status END
    FROM back AS b WHERE p.id = b.id
)
SELECT id FROM back WHERE status = 'inactive'

-- list_passes --
-- Passes of students, without their codes.
SELECT
    id, student_id, pass_number, pass_type, status, issue_date, expiry_date, issued_by, revoked_by, revoked_at,
    revoke_reason, created_at, updated_at
FROM passes
WHERE student_id IS NOT NULL

-- in_school --
-- The functions of this transaction act for the school $1, also when a super admin has named none.
SELECT set_config('hub.school_id', $1, true)

-- words_of --
-- The words of the student's names, as the search knows them.
SELECT string_to_array(hub_fold(concat_ws(' ', first_name, middle_name, last_name)), ' ') FROM students WHERE id = $1

-- forget_words --
-- Those that nobody's name in the school has any more.
SELECT hub_forget_student_words($1::text[])

-- changing_jobs --
-- Whether a job is under way that may write students of the school $1 from a file.
SELECT EXISTS (SELECT FROM job_runs WHERE school_id = $1 AND exclusive = 'students' AND status IN ('queued', 'running'))

-- letters_of --
-- What was mailed to the student, by the ids that the letters carry.
SELECT m.id FROM pass_mails AS m JOIN passes AS p ON p.id = m.pass_id WHERE p.student_id = $1

-- erase_student --
-- The row stays for the logs that point to it, with nothing in it that tells of a person.
UPDATE students
SET student_id = 'erased-' || id, first_name = '', last_name = '', middle_name = NULL, email = NULL, gender = NULL,
    date_of_birth = NULL, phone = NULL, address = NULL, emergency_contact_name = NULL, emergency_contact_phone = NULL,
    date_of_birth_bidx = NULL, phone_bidx = NULL, department_id = NULL, program = NULL, year_of_study = NULL,
    enrollment_date = NULL, graduation_date = NULL, status = 'inactive', photo_url = NULL,
    deleted_at = coalesce(deleted_at, now()), erased_at = now()
WHERE id = $1

-- erase_passes --
-- No pass of an erased student ever opens a door again: number and code are gone, and what was written about why.
UPDATE passes
SET pass_number = 'erased-' || id, qr_code = 'erased-' || id, status = 'revoked', visitor_name = NULL, host_name = NULL,
    revoked_at = coalesce(revoked_at, now()), revoked_by = coalesce(revoked_by, $2), revoke_reason = 'student erased',
    student_deleted_at = NULL
WHERE student_id = $1
RETURNING id

-- erase_traces --
-- What other tables say of a student who is erased by now; $2 are reasons of scans that tell of nobody. Jobs and kept
-- answers that were asked for after $3 are left alone; NULL: none is.
SELECT hub_erase_traces($1, $2::text[], coalesce($3::timestamptz, 'infinity')), hub_erase_notes($1)

-- export_passes --
-- Every pass of the student, with its code: it is the student's own.
SELECT
    id, pass_number, qr_code, pass_type, status, issue_date, expiry_date, issued_by, revoked_by, revoked_at,
    revoke_reason, created_at, updated_at
FROM passes
WHERE student_id = $1
ORDER BY created_at, id

-- export_documents --
-- What is kept of files about the student.
SELECT id, document_type, file_name, file_size, mime_type, scan, uploaded_by, created_at
FROM documents
WHERE student_id = $1
ORDER BY created_at, id

-- export_scans --
-- Every scan of the student's passes.
SELECT
    l.id, l.access_time, l.access_type, l.status, l.reason, l.pass_id, l.access_point_id, a.name AS access_point,
    l.offline, l.stale
FROM access_logs AS l
LEFT JOIN access_points AS a ON a.id = l.access_point_id
WHERE l.student_id = $1
ORDER BY l.access_time, l.id

-- export_entries --
-- Every entry of the audit that is about the student, or was done to it.
SELECT
    l.id, l.created_at, l.action, l.resource_type, l.resource_id, l.subject_id, l.old_values, l.new_values, l.personal,
    l.user_id
FROM audit_logs AS l
WHERE l.subject_id = $1 OR l.resource_id = $1
ORDER BY l.created_at, l.id

-- export_list_reads --
-- Every list that somebody has read the student in, and every file of many that the student was in.
SELECT id, created_at, user_id, action FROM hub_reads_in_lists($1) ORDER BY created_at, id

-- readers --
-- Who these people are, of those whom the school may see.
SELECT id, first_name, last_name, email FROM users WHERE id = ANY ($1::uuid[])

-- card_students --
-- What a guard sees of these students, of those that are there.
SELECT id, school_id, student_id, first_name, middle_name, last_name, program, year_of_study, status,
    photo_url IS NOT NULL AS has_photo
FROM students WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL

-- card_passes --
-- The passes of these students: those in force first, then the newest.
SELECT id, student_id, pass_number, pass_type, status, issue_date, expiry_date, revoke_reason
FROM passes WHERE student_id = ANY ($1::uuid[]) ORDER BY status = 'active' DESC, created_at DESC, id DESC

-- card_entries --
-- The last five scans of the student.
SELECT l.access_time, l.access_type, l.status, l.reason, a.name AS access_point
FROM access_logs AS l
LEFT JOIN access_points AS a ON a.id = l.access_point_id
WHERE l.student_id = $1
ORDER BY l.access_time DESC LIMIT 5

-- seen_last --
-- role: hub_system
-- Up to $1 students who were at a door in the last day.
SELECT DISTINCT s.student_id
FROM (
    SELECT student_id FROM access_logs
    WHERE access_time > now() - interval '1 day' AND access_time <= now() AND student_id IS NOT NULL
    ORDER BY access_time DESC LIMIT $1
) AS s
