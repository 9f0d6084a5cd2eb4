-- Who was let in by hand, scans after which nobody passed, and what doors do that leave it to their school.

-- ------------------------------------------------------------------------------------------------- access_logs

-- The user who decided in a reader's place; NULL: a reader's scan. No foreign key, as everywhere here.
ALTER TABLE public.access_logs ADD COLUMN recorded_by uuid;

-- What few rows have is looked for among many that have it not. These cost a usual scan nothing.
CREATE INDEX idx_access_logs_denied ON public.access_logs (school_id, access_time) WHERE status = 'denied';
CREATE INDEX idx_access_logs_offline ON public.access_logs (school_id, access_time) WHERE offline;
CREATE INDEX idx_access_logs_recorded_by ON public.access_logs (school_id, recorded_by, access_time)
    WHERE recorded_by IS NOT NULL;

-- A scan is found by its id through the doors of its school.
CREATE POLICY scan_ids_of_school ON public.scan_ids FOR SELECT TO hub_api
    USING (EXISTS (SELECT FROM public.access_points AS p WHERE p.id = scan_ids.device_id));
CREATE POLICY scan_ids_of_admin ON public.scan_ids FOR SELECT TO hub_admin USING (true);
GRANT SELECT ON public.scan_ids TO hub_api, hub_admin;

-- Beside the log and not in it: an annulment may reach the database before its scan does, from another host's journal.
CREATE TABLE public.scan_annulments (
    device_id uuid NOT NULL,  -- access_points.id
    scan_id uuid NOT NULL,
    school_id uuid NOT NULL,
    annulled_at timestamptz NOT NULL,
    -- NULL: the device itself.
    annulled_by uuid,
    reason varchar(200),
    CONSTRAINT scan_annulments_pkey PRIMARY KEY (device_id, scan_id)
);

CREATE POLICY scan_annulments_of_school ON public.scan_annulments FOR SELECT TO hub_api
    USING (school_id = public.hub_current_school());
CREATE POLICY scan_annulments_of_admin ON public.scan_annulments FOR SELECT TO hub_admin USING (true);
CREATE POLICY scan_annulments_of_system ON public.scan_annulments TO hub_system USING (true);
ALTER TABLE public.scan_annulments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT ON public.scan_annulments TO hub_api, hub_admin;
GRANT SELECT, INSERT ON public.scan_annulments TO hub_system;

-- ----------------------------------------------------------------------------------------------- access_points

-- NULL: as the school says. Doors that are there keep to what they did.
ALTER TABLE public.access_points ALTER COLUMN fail_open DROP DEFAULT, ALTER COLUMN fail_open DROP NOT NULL;
