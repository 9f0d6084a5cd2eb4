-- How far access_logs holds what each recorder has numbered: a screen that was away reads what it missed up to here,
-- and knows that nothing before will follow any more, though a scan may be missing that PostgreSQL refused.
CREATE TABLE public.stream_heads (
    school_id uuid NOT NULL,
    recorder_id uuid NOT NULL,
    stream_seq bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stream_heads_pkey PRIMARY KEY (school_id, recorder_id)
) WITH (fillfactor = 50);

ALTER TABLE public.stream_heads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY stream_heads_of_system ON public.stream_heads TO hub_system USING (true);
GRANT SELECT, INSERT, UPDATE ON public.stream_heads TO hub_system;

SET LOCAL ROLE hub_system;
INSERT INTO public.stream_heads (school_id, recorder_id, stream_seq)
SELECT school_id, recorder_id, max(stream_seq) FROM public.access_logs
WHERE recorder_id IS NOT NULL AND stream_seq IS NOT NULL
GROUP BY school_id, recorder_id;
RESET ROLE;
