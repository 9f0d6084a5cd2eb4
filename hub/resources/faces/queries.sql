-- Faces. Which school's is decided by row-level security. Finding them: hub/rest/students.

-- face --
-- One student who is there.
SELECT id, student_id, first_name, last_name, program, year_of_study, status, photo_url FROM students
WHERE id = $1 AND deleted_at IS NULL

-- passes_of --
-- Their passes, the newest first.
SELECT id, pass_number, pass_type, status, issue_date, expiry_date, revoke_reason FROM passes
WHERE student_id = $1
ORDER BY status = 'active' DESC, created_at DESC, id DESC LIMIT 10
