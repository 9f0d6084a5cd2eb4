-- Documents of students. Which school's is decided by row-level security.

-- list_documents --
-- What a listing filters and sorts.
SELECT
    d.id, d.school_id, d.student_id, d.document_type, d.file_name, d.file_path, d.file_size, d.mime_type, d.scan,
    d.uploaded_by, d.created_at
FROM documents AS d
JOIN students AS s ON s.id = d.student_id
WHERE s.deleted_at IS NULL

-- get_document --
-- A document of the student $2.
{list_documents} AND d.id = $1 AND d.student_id = $2

-- add_document --
-- A document of the student $3 in the school $2, whose bytes are there.
INSERT INTO documents (
    id, school_id, student_id, document_type, file_name, file_path, file_size, mime_type, scan, uploaded_by
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING id, school_id, student_id, document_type, file_name, file_path, file_size, mime_type, scan, uploaded_by,
    created_at
