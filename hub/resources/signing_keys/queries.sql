-- Signing keys. The installation's are a super admin's to change; their private halves leave the table sealed.

-- list_keys --
-- role: hub_admin
-- What a listing filters and sorts.
SELECT id, kid, school_id, created_at, retired_at, compromised_at, compromise_reason,
    CASE WHEN compromised_at IS NOT NULL THEN 'compromised' WHEN retired_at IS NOT NULL THEN 'retired' ELSE 'signs' END
        AS state
FROM signing_keys

-- get_key --
-- role: hub_admin
-- One key.
{list_keys} WHERE id = $1

-- lock_key --
-- role: hub_admin
-- One key, which nobody else changes until this transaction ends.
{get_key} FOR UPDATE

-- lock_rotation --
-- role: hub_admin
-- Two rotations at once would leave two keys.
SELECT pg_advisory_xact_lock(hashtext('hub.signing_keys'))

-- insert_key --
-- role: hub_admin
-- A key that signs from now on, for the school $3 or, with NULL, for all that have none of their own.
INSERT INTO signing_keys (id, kid, school_id, public_key, private_key) VALUES ($1, $2, $3, $4, $5)

-- retire_others --
-- role: hub_admin
-- The keys that signed for the same schools sign no more, by $3; what they signed stays good.
UPDATE signing_keys SET retired_at = now(), retired_by = $3
WHERE id <> $1 AND school_id IS NOT DISTINCT FROM $2 AND retired_at IS NULL AND compromised_at IS NULL

-- compromise_key --
-- role: hub_admin
-- What it signed is refused from now on.
UPDATE signing_keys
SET compromised_at = now(), compromise_reason = $2, retired_at = coalesce(retired_at, now()),
    retired_by = coalesce(retired_by, $3)
WHERE id = $1

-- passes_of_key --
-- role: hub_admin
-- The next $3 passes in force after $2 that the key $1 signed, and whose they are.
SELECT id, student_id FROM passes
WHERE key_id = $1 AND id > $2 AND status IN ('active', 'inactive')
ORDER BY id LIMIT $3

-- hold_holders --
-- role: hub_admin
-- Students, whom nobody changes until this transaction ends: their passes get other codes.
SELECT FROM students WHERE id = ANY ($1::uuid[]) ORDER BY id FOR SHARE

-- lock_passes --
-- role: hub_admin
-- Of the passes $2 those that are still in force and of the key $1, which nobody else changes meanwhile.
SELECT id, school_id, issue_date, expiry_date FROM passes
WHERE id = ANY ($2::uuid[]) AND key_id = $1 AND status IN ('active', 'inactive')
ORDER BY id FOR NO KEY UPDATE

-- count_passes_of_key --
-- role: hub_admin
-- How many those are.
SELECT count(*) FROM passes WHERE key_id = $1 AND status IN ('active', 'inactive')

-- act_as --
-- role: hub_admin
-- Who changes passes in this transaction, and why: for their history.
SELECT set_config('hub.user_id', $1, true), set_config('hub.reason', $2, true)

-- reissue_passes --
-- role: hub_admin
-- Passes under their new codes; the old ones are nobody's any more.
UPDATE passes AS p SET qr_code = n.qr_code, key_id = n.key_id
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (id, qr_code, key_id) WHERE p.id = n.id
