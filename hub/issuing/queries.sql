-- signing_key --
-- The key that signs for the school $1 now: its own if it has one, else the installation's.
SELECT kid, public_key, private_key FROM signing_keys
WHERE (school_id = $1 OR school_id IS NULL) AND retired_at IS NULL AND compromised_at IS NULL
ORDER BY school_id IS NULL, created_at DESC, kid
LIMIT 1

-- first_signing_key --
-- The installation's first key; false when there is one by now.
SELECT hub_first_signing_key($1, $2, $3, $4)

-- school_zone --
-- Which time zone a school's days are in.
SELECT timezone FROM schools WHERE id = $1
