-- Roles. A school sees the installation's and its own, and changes its own: row-level security says so.

-- list_roles --
-- What a listing filters and sorts.
SELECT
    r.id, r.name, r.description, r.built_in, r.school_id, r.created_at, r.updated_at,
    array(
        SELECT p.name FROM role_permissions AS rp JOIN permissions AS p ON p.id = rp.permission_id
        WHERE rp.role_id = r.id ORDER BY p.name
    )::text[] AS permissions
FROM roles AS r

-- get_role --
-- One role.
{list_roles} WHERE r.id = $1

-- hold_role --
-- Whoever changes the role $1 too waits. Of one that is not the caller's to change nothing is held.
SELECT FROM roles WHERE id = $1 FOR UPDATE

-- insert_role --
-- A new role of the school $4, or of all when that is null.
INSERT INTO roles (id, name, description, school_id) VALUES ($1, $2, $3, $4)

-- update_role --
-- The role $1 as it is now. No row comes back for one that is not the caller's to change.
UPDATE roles SET name = $2, description = $3 WHERE id = $1 RETURNING id

-- take_permissions --
-- What the role $1 holds and is not among $2.
DELETE FROM role_permissions
WHERE role_id = $1 AND permission_id NOT IN (SELECT id FROM permissions WHERE name = ANY ($2::text[]))

-- give_permissions --
-- What is among $2 and the role $1 does not hold yet.
INSERT INTO role_permissions (role_id, permission_id)
SELECT $1, id FROM permissions WHERE name = ANY ($2::text[])
ON CONFLICT DO NOTHING

-- rename_in_settings --
-- Schools that ask for a second factor of the role $1 ask for it of $2, which is its name now; of the school $3, or of
-- all when that is null.
UPDATE schools SET settings = jsonb_set(settings, '{secondFactor}', (
    SELECT jsonb_agg(CASE WHEN e = to_jsonb($1::text) THEN to_jsonb($2::text) ELSE e END)
    FROM jsonb_array_elements(settings -> 'secondFactor') AS e))
WHERE jsonb_typeof(settings -> 'secondFactor') = 'array' AND settings -> 'secondFactor' @> to_jsonb($1::text)
    AND ($3::uuid IS NULL OR id = $3)
RETURNING id
