-- Audit: what a row lacked, a key of each student's own for the personal values in it, and the chain that shows a change.

-- ---------------------------------------------------------------------------------------------------- audit_logs

-- An entry is kept whatever becomes of the account, and entries that come through the journal may wait for hours.
ALTER TABLE public.audit_logs DROP CONSTRAINT audit_logs_user_id_fkey;

ALTER TABLE public.audit_logs
    ADD COLUMN request_id varchar(128),
    -- The student whom the entry is about.
    ADD COLUMN subject_id uuid,
    -- Old and new values that describe the student: AES-256-GCM under the key in student_keys.
    ADD COLUMN personal bytea,
    -- Random bytes in the digest of the values, so that one which outlives them cannot be guessed from.
    ADD COLUMN salt bytea,
    -- Set when the values were erased: what their digest was.
    ADD COLUMN payload_digest bytea,
    -- A row may be sealed once every transaction up to its own has ended. Nobody but the server sets this.
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- A time that the program cannot say could never be sealed, and would hold up those that can.
    ADD CONSTRAINT audit_logs_created_at_check
        CHECK (created_at BETWEEN '1970-01-01 00:00:00+00' AND '9999-01-01 00:00:00+00');

CREATE INDEX idx_audit_logs_xid ON public.audit_logs (xid);
CREATE INDEX idx_audit_logs_subject ON public.audit_logs (subject_id, created_at DESC) WHERE subject_id IS NOT NULL;

REVOKE INSERT ON public.audit_logs FROM hub_api, hub_admin, hub_system;
GRANT INSERT (id, school_id, user_id, action, resource_type, resource_id, old_values, new_values, ip_address, user_agent,
    created_at, request_id, subject_id, personal, salt) ON public.audit_logs TO hub_api, hub_admin, hub_system;

-- Entries from the journal that PostgreSQL refused, kept whole: an entry is never lost for being odd.
CREATE TABLE public.audit_logs_rejected (
    id uuid CONSTRAINT audit_logs_rejected_pkey PRIMARY KEY,
    entry bytea NOT NULL,  -- the record as it is in the journal
    error text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now()
);

-- -------------------------------------------------------------------------------------------------- student_keys

-- No foreign key: that a key was erased is remembered for longer than the student.
CREATE TABLE public.student_keys (
    student_id uuid CONSTRAINT student_keys_pkey PRIMARY KEY,
    school_id uuid NOT NULL,
    -- 32 bytes, sealed under the key ring; NULL once erased, and with it all that it had sealed.
    key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    CONSTRAINT student_keys_erased_check CHECK ((key IS NULL) = (erased_at IS NOT NULL))
);

CREATE INDEX idx_student_keys_school_id ON public.student_keys (school_id);

-- ------------------------------------------------------------------------------------------------------ the chain

-- A batch of audit rows, sealed: `head` is the hash of `previous`, the number, the count, `top_xid` and `root`; `root` is the hash
-- of the rows' digests in order. `signer` and `signature`: Ed25519, by a key that is not in the database.
CREATE TABLE public.audit_seals (
    batch bigint CONSTRAINT audit_seals_pkey PRIMARY KEY,
    sealed_at timestamptz NOT NULL DEFAULT now(),
    row_count integer NOT NULL,
    top_xid xid8 NOT NULL,  -- the last transaction whose rows are sealed, as this cluster counts
    previous bytea NOT NULL,
    root bytea NOT NULL,
    head bytea NOT NULL,
    signer bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT audit_seals_batch_check CHECK (batch > 0 AND row_count > 0)
);

CREATE TABLE public.audit_sealed (
    batch bigint NOT NULL,
    position integer NOT NULL,
    created_at timestamptz NOT NULL,
    id uuid NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT audit_sealed_pkey PRIMARY KEY (batch, position),
    CONSTRAINT audit_sealed_row_key UNIQUE (created_at, id)
);

-- --------------------------------------------------------------------------------------------- policies and grants

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['audit_logs_rejected', 'student_keys', 'audit_seals', 'audit_sealed'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_system USING (true)', relation || '_of_system', relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
END
$$;

CREATE POLICY student_keys_of_school ON public.student_keys TO hub_api
    USING (school_id = public.hub_current_school());
CREATE POLICY student_keys_of_admin ON public.student_keys TO hub_admin USING (true);

GRANT SELECT, INSERT, UPDATE ON public.student_keys TO hub_api, hub_admin;
GRANT SELECT, INSERT ON public.audit_seals, public.audit_sealed, public.audit_logs_rejected TO hub_system;

-- Erases the values of one entry; its place in the chain stays, because the chain holds the values' digest only.
CREATE FUNCTION public.hub_erase_audit_values(entry_at timestamptz, entry_id uuid, digest bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.audit_logs
    SET old_values = NULL, new_values = NULL, personal = NULL, salt = NULL, payload_digest = digest
    WHERE created_at = entry_at AND id = entry_id AND payload_digest IS NULL;
    RETURN FOUND;
END
$$;

CREATE POLICY audit_logs_of_definer ON public.audit_logs TO hub_definer USING (true);
GRANT SELECT, UPDATE (old_values, new_values, personal, salt, payload_digest) ON public.audit_logs TO hub_definer;
GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while becoming one
ALTER FUNCTION public.hub_erase_audit_values(timestamptz, uuid, bytea) OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
REVOKE EXECUTE ON FUNCTION public.hub_erase_audit_values(timestamptz, uuid, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_erase_audit_values(timestamptz, uuid, bytea) TO hub_system;

-- ------------------------------------------------------------------------------------------------ change of the keys

-- Sealing a value anew under another key changes nothing that anybody sees: neither a time, nor an ETag.
CREATE OR REPLACE FUNCTION public.hub_touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('hub.resealing', true) = 'on' THEN
        RETURN NEW;
    END IF;
    -- The row is locked by now, so later changes of a row have later times, whichever transaction began first.
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
