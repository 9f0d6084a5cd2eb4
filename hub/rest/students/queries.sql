-- Students as lists find them. Which school's is decided by row-level security.

-- list_students --
-- What a listing filters and sorts.
SELECT
    id, school_id, student_id, email, first_name, last_name, middle_name, date_of_birth, date_of_birth_bidx, gender,
    phone, phone_bidx, address, emergency_contact_name, emergency_contact_phone, department_id, program, year_of_study,
    enrollment_date, graduation_date, status, photo_url, created_at, updated_at, deleted_at, search
FROM students
WHERE deleted_at IS NULL

-- list_deleted_students --
-- Those that were deleted, and can come back.
SELECT
    id, school_id, student_id, email, first_name, last_name, middle_name, date_of_birth, date_of_birth_bidx, gender,
    phone, phone_bidx, address, emergency_contact_name, emergency_contact_phone, department_id, program, year_of_study,
    enrollment_date, graduation_date, status, photo_url, created_at, updated_at, deleted_at, search
FROM students
WHERE deleted_at IS NOT NULL AND erased_at IS NULL

-- some_students --
-- Of the students that are there those with these ids.
{list_students} AND id = ANY ($1::uuid[])

-- fold --
-- What was asked for, as it is searched.
SELECT hub_fold($1)

-- alike --
-- The ids of a school's students in whose names, number and e-mail these patterns are found.
SELECT hub_search_students($1::text::jsonb)

-- alike_in_order --
-- The first $7 of them that pass the filters $2, in the order of a column, after a row of it.
SELECT hub_search_students($1::text::jsonb, $2::text::jsonb, $3, $4, $5, $6, $7)

-- count_alike --
-- How many of them pass the filters $2.
SELECT count(*) FROM hub_search_students($1::text::jsonb, $2::text::jsonb)

-- anybody_alike --
-- Whether there is one.
SELECT EXISTS (SELECT FROM hub_search_students($1::text::jsonb, most => 1))

-- similar_words --
-- Words of names in the school that look like this one.
SELECT hub_similar_words($1)

-- alike_of_all --
-- role: hub_admin
-- As alike, in all schools.
SELECT hub_search_all_students($1::text::jsonb)

-- alike_in_order_of_all --
-- role: hub_admin
-- As alike_in_order, in all schools.
SELECT hub_search_all_students($1::text::jsonb, $2::text::jsonb, $3, $4, $5, $6, $7)

-- count_alike_of_all --
-- role: hub_admin
-- As count_alike, in all schools.
SELECT count(*) FROM hub_search_all_students($1::text::jsonb, $2::text::jsonb)

-- anybody_alike_of_all --
-- role: hub_admin
-- As anybody_alike, in all schools.
SELECT EXISTS (SELECT FROM hub_search_all_students($1::text::jsonb, most => 1))

-- similar_words_of_all --
-- role: hub_admin
-- As similar_words, in all schools.
SELECT hub_similar_words_of_all($1)
