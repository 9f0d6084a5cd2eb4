-- Templates of passes. Which school's is decided by row-level security.

-- list_templates --
-- What a listing filters and sorts.
SELECT id, school_id, name, pass_type, valid_days, number_prefix, title, color, is_active, created_at, updated_at
FROM pass_templates

-- get_template --
-- One template.
{list_templates} WHERE id = $1

-- lock_template --
-- One template, which nobody else changes until this transaction ends.
{get_template} FOR UPDATE

-- insert_template --
-- A new template of the school $2.
INSERT INTO pass_templates (id, school_id, name, pass_type, valid_days, number_prefix, title, is_active, color)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING id, school_id, name, pass_type, valid_days, number_prefix, title, color, is_active, created_at, updated_at

-- update_template --
-- The template $1 as it is now.
UPDATE pass_templates SET name = $2, valid_days = $3, number_prefix = $4, title = $5, is_active = $6, color = $7 WHERE id = $1
RETURNING id, school_id, name, pass_type, valid_days, number_prefix, title, color, is_active, created_at, updated_at
