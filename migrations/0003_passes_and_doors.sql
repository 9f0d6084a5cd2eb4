-- Passes, the doors they open, and the keys of both: readers' keys and the keys that sign codes.

-- ------------------------------------------------------------------------------------------------ signing keys

CREATE TABLE public.signing_keys (
    id uuid CONSTRAINT signing_keys_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    kid text NOT NULL CONSTRAINT signing_keys_kid_key UNIQUE,
    -- NULL: the installation's key, which signs for every school.
    school_id uuid CONSTRAINT signing_keys_school_id_fkey REFERENCES public.schools (id),
    algorithm text NOT NULL DEFAULT 'EdDSA',
    public_key bytea NOT NULL,
    -- AES-256-GCM ciphertext; the key that opens it is not in the database.
    private_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Retired: signs no more, what it signed stays good. Compromised: what it signed is refused too.
    retired_at timestamptz,
    compromised_at timestamptz,
    CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN ('EdDSA')),
    CONSTRAINT signing_keys_public_key_check CHECK (octet_length(public_key) = 32)
);

CREATE INDEX idx_signing_keys_school_id ON public.signing_keys (school_id);

-- ------------------------------------------------------------------------------------------------------- passes

CREATE TABLE public.passes (
    id uuid CONSTRAINT passes_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    school_id uuid NOT NULL CONSTRAINT passes_school_id_fkey REFERENCES public.schools (id),
    -- NULL: a visitor's pass.
    student_id uuid,
    pass_number varchar(50) NOT NULL CONSTRAINT passes_pass_number_key UNIQUE,
    qr_code varchar(255) NOT NULL CONSTRAINT passes_qr_code_key UNIQUE,
    -- What a scan is looked up by: the first 16 bytes of the code's SHA-256, filled by a trigger.
    lookup_key bytea NOT NULL CONSTRAINT passes_lookup_key_key UNIQUE,
    -- signing_keys.kid of the key that signed the code; NULL for codes that came from elsewhere.
    key_id text,
    issue_date date NOT NULL,
    expiry_date date NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'active',
    pass_type varchar(50) NOT NULL DEFAULT 'standard',
    issued_by uuid CONSTRAINT passes_issued_by_fkey REFERENCES public.users (id),
    revoked_by uuid CONSTRAINT passes_revoked_by_fkey REFERENCES public.users (id),
    revoked_at timestamptz,
    revoke_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT passes_student_id_fkey FOREIGN KEY (student_id, school_id)
        REFERENCES public.students (id, school_id),
    CONSTRAINT passes_lookup_key_check CHECK (octet_length(lookup_key) = 16),
    CONSTRAINT passes_status_check CHECK (status IN ('active', 'inactive', 'expired', 'revoked')),
    CONSTRAINT passes_pass_type_check CHECK (pass_type IN ('standard', 'temporary', 'visitor')),
    CONSTRAINT passes_expiry_date_check CHECK (expiry_date >= issue_date)
);

CREATE INDEX idx_passes_student_id ON public.passes (student_id);
CREATE INDEX idx_passes_status ON public.passes (status);
CREATE INDEX idx_passes_expiry_date ON public.passes (expiry_date);
CREATE INDEX idx_passes_school_id ON public.passes (school_id, created_at DESC);

-- A trigger and not a generated column, because convert_to() is only STABLE. It overwrites whatever was given, so
-- that no import and no psql session can store a pass that its own code does not find.
CREATE FUNCTION public.hub_fill_lookup_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.lookup_key := substring(sha256(convert_to(NEW.qr_code, 'UTF8')) FROM 1 FOR 16);
    RETURN NEW;
END
$$;

CREATE TRIGGER fill_lookup_key BEFORE INSERT OR UPDATE OF qr_code, lookup_key ON public.passes
    FOR EACH ROW EXECUTE FUNCTION public.hub_fill_lookup_key();
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.passes
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();

-- ------------------------------------------------------------------------------------------------------- doors

CREATE TABLE public.access_points (
    id uuid CONSTRAINT access_points_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(200) NOT NULL,
    location varchar(200),
    device_id varchar(100) CONSTRAINT access_points_device_id_key UNIQUE,
    school_id uuid NOT NULL CONSTRAINT access_points_school_id_fkey REFERENCES public.schools (id),
    access_type varchar(50) NOT NULL DEFAULT 'both',
    is_active boolean NOT NULL DEFAULT true,
    -- NULL: as the school says.
    max_staleness_seconds integer,
    -- Past max_staleness: true grants what the old index grants, false denies.
    fail_open boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT access_points_id_school_id_key UNIQUE (id, school_id),
    CONSTRAINT access_points_access_type_check CHECK (access_type IN ('entry', 'exit', 'both')),
    CONSTRAINT access_points_max_staleness_seconds_check CHECK (max_staleness_seconds >= 0)
);

CREATE INDEX idx_access_points_school_id ON public.access_points (school_id);
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.access_points
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();

-- A reader proves who it is with a random key that was shown once; only its SHA-256 is kept. Rotation: the old key
-- gets an expires_at, so both work while the reader is being changed.
CREATE TABLE public.device_keys (
    id uuid CONSTRAINT device_keys_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    school_id uuid NOT NULL CONSTRAINT device_keys_school_id_fkey REFERENCES public.schools (id),
    access_point_id uuid NOT NULL,
    key_hash bytea NOT NULL CONSTRAINT device_keys_key_hash_key UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by uuid CONSTRAINT device_keys_revoked_by_fkey REFERENCES public.users (id),
    revoke_reason text,
    CONSTRAINT device_keys_access_point_id_fkey FOREIGN KEY (access_point_id, school_id)
        REFERENCES public.access_points (id, school_id),
    CONSTRAINT device_keys_key_hash_check CHECK (octet_length(key_hash) = 32)
);

CREATE INDEX idx_device_keys_access_point_id ON public.device_keys (school_id, access_point_id);
