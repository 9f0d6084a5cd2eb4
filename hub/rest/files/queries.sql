-- Photos and documents of students. Which school's is decided by row-level security.

-- get_photo --
-- The photo of a student who was not deleted.
SELECT p.student_id, p.school_id, p.version, p.scan
FROM student_photos AS p
JOIN students AS s ON s.id = p.student_id
WHERE p.student_id = $1 AND s.deleted_at IS NULL
