-- Students by the file. Which school's is decided by row-level security.

-- school --
-- What an import has to know of its school.
SELECT timezone, settings FROM schools WHERE id = $1

-- departments --
-- All departments, by what a file calls them.
SELECT id, code FROM departments

-- find_students --
-- Who of these numbers is there. A look for each: the statistics know nothing of a school that is being filled, and a
-- plan that compares each student of the school with each number of an array grows with the square of the file.
SELECT s.id, s.student_id, s.is_deleted
FROM unnest($1::text[]) AS n (number)
CROSS JOIN LATERAL (
    SELECT id, student_id, deleted_at IS NOT NULL AS is_deleted FROM students WHERE student_id = n.number OFFSET 0
) AS s

-- lock_students --
-- The same, and nobody else changes them until this transaction ends.
{find_students} ORDER BY s.id FOR NO KEY UPDATE OF s

-- insert_students --
-- New students of the school $1; who came to be there meanwhile is not among those returned.
INSERT INTO students (
    school_id, id, student_id, first_name, last_name, middle_name, email, gender, date_of_birth, phone, address,
    emergency_contact_name, emergency_contact_phone, department_id, program, year_of_study, enrollment_date,
    graduation_date, status, date_of_birth_bidx, phone_bidx
)
SELECT
    $1, n.id, n.student_id, n.first_name, n.last_name, n.middle_name, n.email, n.gender, n.date_of_birth, n.phone,
    n.address, n.emergency_contact_name, n.emergency_contact_phone, n.department_id, n.program, n.year_of_study,
    n.enrollment_date, n.graduation_date, coalesce(n.status, 'active'), n.date_of_birth_bidx, n.phone_bidx
FROM unnest(
    $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[],
    $11::bytea[], $12::bytea[], $13::bytea[], $14::uuid[], $15::text[], $16::int[], $17::date[], $18::date[],
    $19::text[], $20::bytea[], $21::bytea[]
) AS n (
    id, student_id, first_name, last_name, middle_name, email, gender, date_of_birth, phone, address,
    emergency_contact_name, emergency_contact_phone, department_id, program, year_of_study, enrollment_date,
    graduation_date, status, date_of_birth_bidx, phone_bidx
)
ON CONFLICT ON CONSTRAINT students_school_id_student_id_key DO NOTHING
RETURNING id, status

-- update_students --
-- Students who are there, as the file has them: the fields $1, which it has columns for.
UPDATE students AS s SET
    first_name = n.first_name,
    last_name = n.last_name,
    middle_name = CASE WHEN 'middleName' = ANY ($1::text[]) THEN n.middle_name ELSE s.middle_name END,
    email = CASE WHEN 'email' = ANY ($1) THEN n.email ELSE s.email END,
    gender = CASE WHEN 'gender' = ANY ($1) THEN n.gender ELSE s.gender END,
    date_of_birth = CASE WHEN 'dateOfBirth' = ANY ($1) THEN n.date_of_birth ELSE s.date_of_birth END,
    date_of_birth_bidx = CASE WHEN 'dateOfBirth' = ANY ($1) THEN n.date_of_birth_bidx ELSE s.date_of_birth_bidx END,
    phone = CASE WHEN 'phone' = ANY ($1) THEN n.phone ELSE s.phone END,
    phone_bidx = CASE WHEN 'phone' = ANY ($1) THEN n.phone_bidx ELSE s.phone_bidx END,
    address = CASE WHEN 'address' = ANY ($1) THEN n.address ELSE s.address END,
    emergency_contact_name =
        CASE WHEN 'emergencyContactName' = ANY ($1) THEN n.emergency_contact_name ELSE s.emergency_contact_name END,
    emergency_contact_phone =
        CASE WHEN 'emergencyContactPhone' = ANY ($1) THEN n.emergency_contact_phone ELSE s.emergency_contact_phone END,
    department_id = CASE WHEN 'departmentId' = ANY ($1) THEN n.department_id ELSE s.department_id END,
    program = CASE WHEN 'program' = ANY ($1) THEN n.program ELSE s.program END,
    year_of_study = CASE WHEN 'yearOfStudy' = ANY ($1) THEN n.year_of_study ELSE s.year_of_study END,
    enrollment_date = CASE WHEN 'enrollmentDate' = ANY ($1) THEN n.enrollment_date ELSE s.enrollment_date END,
    graduation_date = CASE WHEN 'graduationDate' = ANY ($1) THEN n.graduation_date ELSE s.graduation_date END,
    status = coalesce(n.status, s.status)
FROM unnest(
    $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[],
    $11::bytea[], $12::bytea[], $13::bytea[], $14::uuid[], $15::text[], $16::int[], $17::date[], $18::date[],
    $19::text[], $20::bytea[], $21::bytea[]
) AS n (
    id, student_id, first_name, last_name, middle_name, email, gender, date_of_birth, phone, address,
    emergency_contact_name, emergency_contact_phone, department_id, program, year_of_study, enrollment_date,
    graduation_date, status, date_of_birth_bidx, phone_bidx
)
WHERE s.id = n.id
RETURNING s.id, s.status

-- holders --
-- Who of these students holds a pass that is good on the day $2 or later. Planned for each batch (hub/store/pg.py, `bulk`):
-- at worst it reads the school's passes once.
SELECT DISTINCT student_id FROM passes
WHERE student_id = ANY ($1::uuid[]) AND status = 'active' AND expiry_date >= $2

-- insert_passes --
-- Passes of the school $1, issued by $2 under the signing key $3, of the type $4, good from $5 to $6.
INSERT INTO passes (
    school_id, issued_by, key_id, pass_type, issue_date, expiry_date, id, student_id, pass_number, qr_code
)
SELECT $1, $2, $3, $4, $5, $6, n.id, n.student_id, n.pass_number, n.qr_code
FROM unnest($7::uuid[], $8::uuid[], $9::text[], $10::text[]) AS n (id, student_id, pass_number, qr_code)
