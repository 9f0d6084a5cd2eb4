-- Departments of a school. Which school's is decided by row-level security, and by the school in the path.

-- school_is_there --
-- Whether the caller may know of a school.
SELECT EXISTS (SELECT FROM schools WHERE id = $1)

-- departments --
-- What there is to know of one.
SELECT id, school_id, name, code, head_name, created_at, updated_at FROM departments

-- list_departments --
-- What the listing of the school $1 filters and sorts.
{departments} WHERE school_id = $1

-- get_department --
-- One department.
{departments} WHERE id = $1

-- lock_department --
-- One department, which nobody else changes until this transaction ends.
{get_department} FOR UPDATE

-- insert_department --
-- A new department of the school $2.
INSERT INTO departments (id, school_id, name, code, head_name) VALUES ($1, $2, $3, $4, $5)
RETURNING id, school_id, name, code, head_name, created_at, updated_at

-- update_department --
-- The department $1 as it is now.
UPDATE departments SET name = $2, code = $3, head_name = $4 WHERE id = $1
RETURNING id, school_id, name, code, head_name, created_at, updated_at

-- delete_department --
-- It goes for good; one that a student was ever in stays, by foreign key.
DELETE FROM departments WHERE id = $1
