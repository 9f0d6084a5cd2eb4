-- Photos and documents of students. Which school's is decided by row-level security.

-- get_photo --
-- The photo of a student who was not deleted.
SELECT p.student_id, p.school_id, p.version, p.scan
FROM student_photos AS p
JOIN students AS s ON s.id = p.student_id
WHERE p.student_id = $1 AND s.deleted_at IS NULL

-- student_of_files --
-- A student who was not deleted.
SELECT id, school_id FROM students WHERE id = $1 AND deleted_at IS NULL

-- lock_student_of_files --
-- The same, whom nobody else changes until this transaction ends.
{student_of_files} FOR UPDATE

-- remove_photo --
-- The photo of the student $1 is nobody's any more.
DELETE FROM student_photos WHERE student_id = $1 RETURNING school_id, version

-- add_photo --
-- A photo of the student $1 in the school $2.
INSERT INTO student_photos (student_id, school_id, version, scan, uploaded_by) VALUES ($1, $2, $3, $4, $5)

-- show_photo --
-- Where the photo of the student is; NULL: there is none that may be shown. Doors hear of it.
UPDATE students SET photo_url = $2 WHERE id = $1 AND photo_url IS DISTINCT FROM $2

-- pass_photo --
-- clamd found nothing in this version of a photo; no row when there is another by now.
UPDATE student_photos SET scan = 'clean' WHERE student_id = $1 AND version = $2 AND scan = 'waiting'
RETURNING student_id

-- pass_document --
-- clamd found nothing in a document; no row when it was deleted meanwhile.
UPDATE documents SET scan = 'clean' WHERE id = $1 AND scan = 'waiting' RETURNING id

-- remove_this_photo --
-- One version of a photo, if it still is the student's.
DELETE FROM student_photos WHERE student_id = $1 AND version = $2 RETURNING school_id, version

-- remove_document --
-- A document of the student $2.
DELETE FROM documents WHERE id = $1 AND student_id = $2
RETURNING id, school_id, student_id, document_type, file_name, file_path, file_size, mime_type, scan, uploaded_by,
    created_at

-- remove_documents --
-- All documents of a student.
DELETE FROM documents WHERE student_id = $1 RETURNING file_path

-- every_photo --
-- role: hub_system
-- Whose files there have to be.
SELECT student_id, school_id, version, created_at FROM student_photos

-- every_document --
-- role: hub_system
-- Whose files there have to be.
SELECT id, student_id, school_id, created_at FROM documents WHERE file_path IS NOT NULL

-- every_school --
-- role: hub_system
-- Whose files there may be: a school is never deleted.
SELECT id FROM schools
