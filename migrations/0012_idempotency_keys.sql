-- Answers to POSTs that carried an Idempotency-Key, for a day; sealed, because they may hold what is shown once.

CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,  -- no foreign key: it is gone in a day
    digest bytea NOT NULL,
    -- NULL: a super admin who named no school.
    school_id uuid,
    request bytea NOT NULL,
    answer bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, digest),
    CONSTRAINT idempotency_keys_digest_check CHECK (octet_length(digest) = 32)
);

CREATE INDEX idx_idempotency_keys_created_at ON public.idempotency_keys (created_at);

CREATE POLICY idempotency_keys_of_school ON public.idempotency_keys TO hub_api
    USING (school_id = public.hub_current_school());
CREATE POLICY idempotency_keys_of_admin ON public.idempotency_keys TO hub_admin USING (true);
CREATE POLICY idempotency_keys_of_system ON public.idempotency_keys TO hub_system USING (true);
ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE ON public.idempotency_keys TO hub_api, hub_admin, hub_system;
GRANT DELETE ON public.idempotency_keys TO hub_system;
