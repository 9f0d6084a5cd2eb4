-- What happened at the doors, and who changed what. Both logs are partitioned by month; 0005 makes the months.

-- ------------------------------------------------------------------------------------------------- access_logs

-- No foreign keys: an answer that was given is kept, whatever became of the pass, the student or the door meanwhile.
CREATE TABLE public.access_logs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    school_id uuid NOT NULL,
    student_id uuid,
    pass_id uuid,
    access_point_id uuid,
    -- When it happened: the hub's clock, or for a scan that a reader decided while cut off, the reader's.
    access_time timestamptz NOT NULL DEFAULT now(),
    access_type varchar(20),
    -- What the reader was told, or (offline) what it reports it did.
    status varchar(20) NOT NULL,
    reason varchar(200),
    device_info jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    lookup_key bytea,
    -- The hub's clock on arrival, the reader's own, and the hub's minus the reader's: side by side, never overwritten.
    received_at timestamptz NOT NULL DEFAULT now(),
    reader_time timestamptz,
    skew_ms integer,
    stale boolean NOT NULL DEFAULT false,
    offline boolean NOT NULL DEFAULT false,
    -- What the hub would have said about a replayed scan, and what the reader says it did.
    hub_status varchar(20),
    hub_reason varchar(200),
    reader_status varchar(20),
    reader_reason varchar(200),
    conflict boolean NOT NULL DEFAULT false,
    -- The place in its recorder's stream for its school: what a screen's cursor counts.
    recorder_id uuid,
    stream_seq bigint,
    CONSTRAINT access_logs_pkey PRIMARY KEY (access_time, id),
    CONSTRAINT access_logs_access_type_check CHECK (access_type IN ('entry', 'exit')),
    CONSTRAINT access_logs_status_check CHECK (status IN ('granted', 'denied')),
    CONSTRAINT access_logs_hub_status_check CHECK (hub_status IN ('granted', 'denied')),
    CONSTRAINT access_logs_reader_status_check CHECK (reader_status IN ('granted', 'denied'))
) PARTITION BY RANGE (access_time);

CREATE INDEX idx_access_logs_student_id ON public.access_logs (student_id);
CREATE INDEX idx_access_logs_access_time ON public.access_logs (access_time);
CREATE INDEX idx_access_logs_access_point_id ON public.access_logs (access_point_id);
CREATE INDEX idx_access_logs_school_id ON public.access_logs (school_id, access_time DESC);
CREATE INDEX idx_access_logs_stream ON public.access_logs (recorder_id, school_id, stream_seq);

-- The key of a partitioned table must hold the partition column, so access_logs cannot see that a replay with
-- another time is the same scan. This table can: the drain inserts here first, and logs only what was new.
CREATE TABLE public.scan_ids (
    device_id uuid NOT NULL,  -- access_points.id
    scan_id uuid NOT NULL,
    access_time timestamptz NOT NULL,
    CONSTRAINT scan_ids_pkey PRIMARY KEY (device_id, scan_id)
);

-- BRIN: rows come in the order of their times, and a btree would cost the drain as much as the key itself.
CREATE INDEX idx_scan_ids_access_time ON public.scan_ids USING brin (access_time);

-- Rows of the journal that PostgreSQL refused, kept whole until a person has looked: `passhub rejected`.
CREATE TABLE public.access_logs_rejected (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT access_logs_rejected_pkey PRIMARY KEY,
    recorder_id uuid NOT NULL,
    journal_row bigint NOT NULL,
    entry bytea NOT NULL,  -- the record as it is in the journal
    error text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz
);

CREATE INDEX idx_access_logs_rejected_open ON public.access_logs_rejected (id) WHERE replayed_at IS NULL;

-- -------------------------------------------------------------------------------------------------- audit_logs

CREATE TABLE public.audit_logs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- NULL: what a super admin did that belongs to no school.
    school_id uuid,
    user_id uuid CONSTRAINT audit_logs_user_id_fkey REFERENCES public.users (id),
    action varchar(100),
    resource_type varchar(100),
    resource_id uuid,
    old_values jsonb,
    new_values jsonb,
    ip_address inet,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_logs_pkey PRIMARY KEY (created_at, id)
) PARTITION BY RANGE (created_at);

CREATE INDEX idx_audit_logs_user_id ON public.audit_logs (user_id);
CREATE INDEX idx_audit_logs_created_at ON public.audit_logs (created_at);
CREATE INDEX idx_audit_logs_school_id ON public.audit_logs (school_id, created_at DESC);
CREATE INDEX idx_audit_logs_resource ON public.audit_logs (resource_id, created_at DESC);
