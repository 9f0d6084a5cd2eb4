-- What the shell keeps of its own: answers to requests that carried an Idempotency-Key.

-- claim_key --
-- True when the key ($1 user, $2 digest) is this request's now: nobody had it, or a day has passed. Somebody who is
-- using it at this moment is waited for.
INSERT INTO idempotency_keys AS k (user_id, digest, school_id, request)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
    SET request = excluded.request, school_id = excluded.school_id, answer = NULL, created_at = now()
    WHERE k.created_at < now() - interval '24 hours'
RETURNING true

-- kept_answer --
-- What was answered to the first request with this key.
SELECT request, answer FROM idempotency_keys WHERE user_id = $1 AND digest = $2

-- keep_answer --
-- The sealed answer, beside what it answers.
UPDATE idempotency_keys SET answer = $3 WHERE user_id = $1 AND digest = $2
