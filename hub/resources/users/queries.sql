-- People with an account. Which school's is decided by row-level security; what holds for the last super admin, for
-- roles of other schools and for sessions, by triggers (migrations/0011_accounts.sql).

-- list_users --
-- What a listing filters and sorts.
SELECT
    u.id, u.email, u.first_name, u.last_name, u.role_id, r.name AS role, u.school_id, u.is_active,
    EXISTS (SELECT FROM second_factors AS f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS second_factor,
    u.email_verified_at, u.last_login_at, u.created_at, u.updated_at
FROM users AS u
JOIN roles AS r ON r.id = u.role_id
WHERE u.deleted_at IS NULL

-- get_user --
-- One account.
{list_users} AND u.id = $1

-- lock_user --
-- One account, which nobody else changes until this transaction ends.
{get_user} FOR UPDATE OF u

-- role_and_rights --
-- A role that can be given, and what comes with it.
SELECT
    r.id, r.name, r.built_in,
    array(
        SELECT p.name FROM role_permissions AS rp JOIN permissions AS p ON p.id = rp.permission_id WHERE rp.role_id = r.id
    )::text[] AS permissions
FROM roles AS r
WHERE r.id = $1

-- has_guard_desk --
-- Whether the guards of the school $1 may do what stands at the guard desk.
SELECT coalesce(settings -> 'guardDesk' = 'true'::jsonb, false) FROM schools WHERE id = $1

-- insert_user --
-- A new account; it has no password, so nobody signs in before the invitation is accepted.
INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, school_id)
VALUES ($1, $2, '', $3, $4, $5, $6)

-- update_user --
-- The account $1 as it is now; another address is not verified.
UPDATE users
SET email_verified_at = CASE WHEN lower(email) = lower($2) THEN email_verified_at END,
    email = $2, first_name = $3, last_name = $4, role_id = $5, is_active = $6
WHERE id = $1

-- delete_user --
-- The account stays for the audit; its address is given free.
UPDATE users SET deleted_at = now(), is_active = false WHERE id = $1
