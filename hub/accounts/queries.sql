-- roster_sessions --
-- role: hub_system
-- All sessions that live, or those of some ids. 'infinity', which no datetime can say, is far enough away.
SELECT id, user_id, LEAST(expires_at, '9999-01-01Z'::timestamptz) AS expires_at FROM sessions
WHERE ended_at IS NULL AND expires_at > now() AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))

-- roster_users --
-- role: hub_system
-- Everybody who may sign in, or those of some ids.
SELECT u.id, u.role_id, u.school_id, u.is_active AS active, f.confirmed_at IS NOT NULL AS second_factor
FROM users u LEFT JOIN second_factors f ON f.user_id = u.id
WHERE u.deleted_at IS NULL AND ($1::uuid[] IS NULL OR u.id = ANY ($1::uuid[]))

-- roster_roles --
-- role: hub_system
-- All roles with what they may do, or those of some ids.
SELECT r.id, r.name, r.built_in,
    ARRAY(SELECT p.name FROM role_permissions rp JOIN permissions p ON p.id = rp.permission_id
          WHERE rp.role_id = r.id)::text[] AS permissions
FROM roles r WHERE $1::uuid[] IS NULL OR r.id = ANY ($1::uuid[])

-- roster_schools --
-- role: hub_system
-- What each school, or those of some ids, has set for its people. A setting of another shape counts as none.
SELECT id, is_active, settings -> 'guardDesk' = 'true'::jsonb AS guard_desk,
    ARRAY(SELECT jsonb_array_elements_text(
        CASE jsonb_typeof(settings -> 'secondFactor') WHEN 'array' THEN settings -> 'secondFactor' ELSE '[]' END
    ))::text[] AS second_factor
FROM schools WHERE $1::uuid[] IS NULL OR id = ANY ($1::uuid[])

-- roster_token_keys --
-- role: hub_system
-- Keys whose tokens are believed, all or those of some ids: a retired one for as long as a token of it may live.
SELECT id, public_key, retired_at IS NOT NULL AS retired,
    GREATEST(LEAST(active_from, '9999-01-01Z'::timestamptz), '1970-01-01Z'::timestamptz) AS active_from
FROM token_keys
WHERE (retired_at IS NULL OR retired_at > now() - interval '1 hour') AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))

-- session_user --
-- role: hub_system
-- Whose a session is, ended or not.
SELECT user_id FROM sessions WHERE id = $1

-- account_by_email --
-- role: hub_admin
-- What signing in needs of an account.
SELECT u.id, u.email, u.first_name, u.last_name, u.password_hash, u.role_id, r.name AS role, u.school_id, u.is_active,
    COALESCE(s.is_active, true) AS school_active
FROM users u
JOIN roles r ON r.id = u.role_id
LEFT JOIN schools s ON s.id = u.school_id
WHERE lower(u.email) = lower($1) AND u.deleted_at IS NULL

-- account_by_id --
-- role: hub_api
-- An account as its owner sees it.
SELECT u.id, u.email, u.first_name, u.last_name, r.name AS role, u.school_id, s.name AS school_name, s.timezone
FROM users u
JOIN roles r ON r.id = u.role_id
LEFT JOIN schools s ON s.id = u.school_id
WHERE u.id = $1 AND u.deleted_at IS NULL

-- begin_session --
-- role: hub_admin
-- A session of a user who, at this very moment, may have one and still has the password ($3) that was verified.
INSERT INTO sessions (id, user_id, school_id, expires_at, delivery, address, user_agent)
SELECT $1, u.id, u.school_id, now() + make_interval(secs => $4), $5, $6, $7
FROM users u
WHERE u.id = $2 AND u.is_active AND u.deleted_at IS NULL AND u.password_hash = $3
FOR NO KEY UPDATE
RETURNING id

-- note_sign_in --
-- role: hub_admin
-- When somebody signed in last.
UPDATE users SET last_login_at = now() WHERE id = $1

-- keep_refresh_token --
-- role: hub_admin
-- The hash of a session's next refresh token.
INSERT INTO refresh_tokens (hash, session_id) VALUES ($1, $2)

-- use_refresh_token --
-- role: hub_admin
-- Uses a token up: of several who present it at once, one gets the row.
UPDATE refresh_tokens SET used_at = clock_timestamp() WHERE hash = $1 AND used_at IS NULL RETURNING session_id

-- family_of_refresh_token --
-- role: hub_admin
-- The session of a token that was used already.
SELECT s.id, s.user_id, s.school_id, s.ended_at IS NOT NULL AS ended
FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1

-- carry_on_session --
-- role: hub_admin
-- A session that lives, of a user who may be here; it was used at this moment.
UPDATE sessions s SET last_used_at = clock_timestamp()
FROM users u LEFT JOIN schools c ON c.id = u.school_id
WHERE s.id = $1 AND u.id = s.user_id AND s.ended_at IS NULL AND s.expires_at > now()
    AND u.is_active AND u.deleted_at IS NULL AND COALESCE(c.is_active, true)
RETURNING s.id, s.user_id, s.delivery, s.expires_at

-- session_of_refresh_token --
-- role: hub_admin
-- Whose session a token belongs to, used or not: whoever logs out with it ends that session.
SELECT s.id, s.user_id, s.school_id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1

-- list_sessions --
-- Sessions of the user $1 that live; row-level security decides whose users are seen.
SELECT id, created_at, last_used_at, LEAST(expires_at, '9999-01-01Z'::timestamptz) AS expires_at, delivery,
    host(address) AS address, user_agent
FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > now()

-- end_other_sessions --
-- The end of the sessions of the user $1 but for $2 (NULL: of all): they began when the second factor was another.
UPDATE sessions SET ended_at = clock_timestamp(), end_reason = 'ended'
WHERE user_id = $1 AND id IS DISTINCT FROM $2::uuid AND ended_at IS NULL

-- end_session_of --
-- The end of one session of the user $2, by hand.
UPDATE sessions SET ended_at = clock_timestamp(), end_reason = 'ended'
WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > now() RETURNING id

-- end_session --
-- role: hub_api
-- The end of one session, and why.
UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $2 WHERE id = $1 AND ended_at IS NULL RETURNING user_id

-- say_rehash --
-- role: hub_admin
-- For this transaction: the password of this user is hashed anew and not changed, so that nobody is signed out.
SELECT set_config('hub.rehash', $1::text, true)

-- rehash_password --
-- role: hub_admin
-- The same password under this version's parameters, unless somebody has changed it meanwhile.
UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2

-- change_password --
-- role: hub_admin
-- A new password; a trigger ends the user's sessions.
UPDATE users SET password_hash = $2, email_verified_at = COALESCE(email_verified_at, now())
WHERE id = $1 AND is_active AND deleted_at IS NULL
RETURNING school_id

-- keep_session --
-- role: hub_admin
-- For this transaction: this session outlives another password.
SELECT set_config('hub.keep_session', $1::text, true)

-- change_own_password --
-- role: hub_admin
-- A new password in place of the one that was verified ($2); a trigger ends the user's other sessions.
UPDATE users SET password_hash = $3
WHERE id = $1 AND password_hash = $2 AND is_active AND deleted_at IS NULL
RETURNING id

-- password_hash --
-- role: hub_admin
-- The hash that is held against a password.
SELECT password_hash FROM users WHERE id = $1 AND is_active AND deleted_at IS NULL

-- addressee --
-- role: hub_system
-- Whom a letter goes to, by id; nobody who is deactivated or gone.
SELECT u.id, u.email, u.first_name, u.last_name, u.school_id, s.name AS school
FROM users u LEFT JOIN schools s ON s.id = u.school_id
WHERE u.id = $1 AND u.is_active AND u.deleted_at IS NULL

-- addressee_by_email --
-- role: hub_system
-- The same by address, for whoever has forgotten the password.
SELECT u.id, u.email, u.first_name, u.last_name, u.school_id, s.name AS school
FROM users u LEFT JOIN schools s ON s.id = u.school_id
WHERE lower(u.email) = lower($1) AND u.is_active AND u.deleted_at IS NULL

-- drop_mailed_tokens --
-- role: hub_system
-- What was mailed before, for the same purpose, is good no more.
DELETE FROM mailed_tokens WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL

-- keep_mailed_token --
-- role: hub_system
-- The hash of a token that is about to be mailed; good for an hour.
INSERT INTO mailed_tokens (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, now() + interval '1 hour')

-- use_mailed_token --
-- role: hub_admin
-- Uses a token up, if it is one of these purposes ($2), not expired, and went to the address that the user still has.
UPDATE mailed_tokens t SET used_at = clock_timestamp()
FROM users u
WHERE t.hash = $1 AND t.purpose = ANY ($2::text[]) AND t.used_at IS NULL AND t.expires_at > now()
    AND u.id = t.user_id AND lower(u.email) = lower(t.email) AND u.is_active AND u.deleted_at IS NULL
RETURNING u.id, u.email, u.school_id, t.purpose

-- spend_mailed_tokens --
-- role: hub_admin
-- With a new password, all letters that offer one are void.
UPDATE mailed_tokens SET used_at = clock_timestamp()
WHERE user_id = $1 AND used_at IS NULL AND purpose IN ('invitation', 'reset')

-- least_password --
-- role: hub_admin
-- How long passwords have to be in the school $1; NULL where it says nothing that can be understood.
SELECT CASE WHEN jsonb_typeof(settings -> 'passwords' -> 'minLength') = 'number'
    THEN (settings -> 'passwords' ->> 'minLength')::numeric::integer END
FROM schools WHERE id = $1

-- verify_email --
-- role: hub_admin
-- The address is the user's: who reads its mail has shown it.
UPDATE users SET email_verified_at = now() WHERE id = $1

-- hold_user --
-- role: hub_api
-- Whoever signs in as this user, or sets a second factor up, waits until this transaction has ended.
SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE

-- second_factor --
-- role: hub_api
-- A user's second factor, confirmed or not.
SELECT secret, confirmed_at IS NOT NULL AS confirmed, last_step FROM second_factors WHERE user_id = $1

-- offer_second_factor --
-- role: hub_api
-- A secret that is not asked for until it is confirmed. No row comes back when there is a confirmed one.
INSERT INTO second_factors (user_id, secret) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET secret = EXCLUDED.secret, last_step = 0, created_at = now()
WHERE second_factors.confirmed_at IS NULL
RETURNING user_id

-- confirm_second_factor --
-- role: hub_api
-- From now on it is asked for.
UPDATE second_factors SET confirmed_at = now() WHERE user_id = $1 AND confirmed_at IS NULL RETURNING user_id

-- use_step --
-- role: hub_api
-- Uses up the 30 seconds of a code: of several who present it, one gets the row, and nobody gets an older one.
UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2 RETURNING user_id

-- drop_recovery_codes --
-- role: hub_api
-- The former codes of a user.
DELETE FROM recovery_codes WHERE user_id = $1

-- keep_recovery_codes --
-- role: hub_api
-- The hashes of new codes.
INSERT INTO recovery_codes (user_id, hash) SELECT $1, * FROM unnest($2::bytea[])

-- use_recovery_code --
-- role: hub_api
-- Uses a code up.
UPDATE recovery_codes SET used_at = clock_timestamp() WHERE user_id = $1 AND hash = $2 AND used_at IS NULL
RETURNING user_id

-- remove_second_factor --
-- role: hub_api
-- Of somebody who has lost it; the recovery codes go with it.
DELETE FROM second_factors WHERE user_id = $1 RETURNING user_id

-- lock_token_keys --
-- role: hub_system
-- One process at a time makes keys.
SELECT pg_advisory_xact_lock(7203401, 12)

-- newest_token_key --
-- role: hub_system
-- How old the key is that signs now, or will in a moment.
SELECT id, now() - created_at > make_interval(secs => $1) AS due FROM token_keys
WHERE retired_at IS NULL ORDER BY active_from DESC LIMIT 1

-- add_token_key --
-- role: hub_system
-- A key that signs in so many seconds, when every worker has heard of it.
INSERT INTO token_keys (id, public_key, private_key, active_from) VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- retire_token_keys --
-- role: hub_system
-- What another key has taken over from.
UPDATE token_keys SET retired_at = now() WHERE retired_at IS NULL AND id <> $1 AND active_from <= now() RETURNING id

-- private_token_key --
-- role: hub_admin
-- The sealed private half of a key.
SELECT private_key FROM token_keys WHERE id = $1

-- forget_token_keys --
-- role: hub_system
-- Keys whose last token has long expired.
DELETE FROM token_keys WHERE retired_at < now() - interval '1 day'

-- forget_sessions --
-- role: hub_system
-- Sessions that ended a month ago, with their tokens: until then a stolen one still shows.
DELETE FROM sessions WHERE COALESCE(ended_at, expires_at) < now() - interval '30 days'

-- forget_mailed_tokens --
-- role: hub_system
-- Mailed tokens that expired a day ago.
DELETE FROM mailed_tokens WHERE expires_at < now() - interval '1 day'

-- add_super_admin --
-- role: hub_admin
-- An account that may do everything in all schools; whoever makes it from the command line vouches for the address.
INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, email_verified_at)
SELECT $1, $2, $3, $4, $5, id, now() FROM roles WHERE built_in AND name = 'super_admin'
RETURNING id

-- roster_wall_screens --
-- role: hub_system
-- Wall screens that are let in, all or those of some ids.
SELECT id, school_id, token_hash, expires_at FROM wall_screens
WHERE token_hash IS NOT NULL AND revoked_at IS NULL AND expires_at > now()
    AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))

-- wall_screen_of --
-- role: hub_system
-- Whose a wall screen's token is, let in or not any more.
SELECT id FROM wall_screens WHERE token_hash = $1

-- begin_pairing --
-- role: hub_admin
-- A screen asks to be let in; no row comes back when its code is another's.
INSERT INTO pairings (id, code, secret_hash, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))
ON CONFLICT ON CONSTRAINT pairings_code_key DO NOTHING
RETURNING id

-- pairing_of_code --
-- What a screen shows that nobody has confirmed.
SELECT id FROM pairings WHERE code = $1 AND wall_screen_id IS NULL AND expires_at > now() FOR UPDATE

-- add_wall_screen --
-- A wall screen of the school $2, good for $5 days.
INSERT INTO wall_screens (id, school_id, name, created_by, expires_at)
VALUES ($1, $2, $3, $4, now() + make_interval(days => $5))

-- confirm_pairing --
-- From now on its screen may come for its session.
UPDATE pairings SET school_id = $2, wall_screen_id = $3 WHERE id = $1

-- pairing_of_secret --
-- role: hub_admin
-- A pairing as its own screen knows it.
SELECT id, wall_screen_id FROM pairings WHERE secret_hash = $1 AND expires_at > now() FOR UPDATE

-- end_pairing --
-- role: hub_admin
-- It is done.
DELETE FROM pairings WHERE id = $1

-- claim_wall_screen --
-- role: hub_admin
-- The session of a wall screen, once.
UPDATE wall_screens w
SET token_hash = $2, claimed_at = now(), last_seen_at = now(), expires_at = now() + make_interval(days => $3)
FROM schools s
WHERE w.id = $1 AND w.token_hash IS NULL AND w.revoked_at IS NULL AND s.id = w.school_id AND s.is_active
RETURNING w.id, w.name, w.school_id, s.name AS school, s.timezone, w.expires_at

-- renew_wall_screen --
-- role: hub_admin
-- A wall screen is there. Its end moves once a day at most, for each move is heard by every worker.
UPDATE wall_screens w
SET last_seen_at = now(),
    expires_at = CASE WHEN w.expires_at < now() + make_interval(days => $2) - interval '1 day'
        THEN now() + make_interval(days => $2) ELSE w.expires_at END
FROM schools s
WHERE w.id = $1 AND w.revoked_at IS NULL AND w.expires_at > now() AND s.id = w.school_id AND s.is_active
RETURNING w.id, w.name, w.school_id, s.name AS school, s.timezone, w.expires_at

-- forget_pairings --
-- role: hub_system
-- Pairings that nobody has finished.
DELETE FROM pairings WHERE expires_at < now()

-- forget_wall_screens --
-- role: hub_system
-- Wall screens that never came for their session, and those that ended a month ago.
DELETE FROM wall_screens
WHERE token_hash IS NULL AND created_at < now() - interval '1 day'
    OR COALESCE(revoked_at, expires_at) < now() - interval '30 days'
