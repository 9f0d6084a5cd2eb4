-- The change of a school year. Which school's is decided by row-level security.

-- note_why --
-- Who and why of what happens to passes in this transaction.
SELECT set_config('hub.user_id', $1, true), set_config('hub.reason', $2, true)

-- school_zone --
-- Which time zone a school's days are in.
SELECT timezone FROM schools WHERE id = $1

-- lock_students --
-- Nobody else changes these, nor gives one a pass, until this transaction ends.
SELECT id FROM students WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE

-- lock_passes --
-- Nobody else changes a pass of theirs until this transaction ends.
SELECT id FROM passes WHERE student_id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE

-- promote --
-- Into the next year of study.
UPDATE students SET year_of_study = year_of_study + 1 WHERE id = ANY ($1::uuid[])

-- graduate --
-- They have finished, on the day $2 if none was known.
UPDATE students SET status = 'graduated', graduation_date = coalesce(graduation_date, $2)
WHERE id = ANY ($1::uuid[])

-- deactivate --
-- They are not there for now.
UPDATE students SET status = 'inactive' WHERE id = ANY ($1::uuid[])

-- passes_of --
-- How many passes of theirs open doors.
SELECT count(*) FROM passes WHERE student_id = ANY ($1::uuid[]) AND status = 'active'

-- deactivate_passes --
-- No pass of theirs opens a door any more.
UPDATE passes SET status = 'inactive' WHERE student_id = ANY ($1::uuid[]) AND status = 'active' RETURNING id
