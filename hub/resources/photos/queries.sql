-- Photos of students, many at once. Which school's is decided by row-level security.

-- student_by_number --
-- The student with the school's number $1.
SELECT id FROM students WHERE student_id = $1 AND deleted_at IS NULL
