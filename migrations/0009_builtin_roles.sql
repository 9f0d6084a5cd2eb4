-- The five roles that every installation has. Ids are fixed, so that they are the same in every one. The owner
-- has no policy on the table (0007): it writes as hub_admin.

SET LOCAL ROLE hub_admin;

INSERT INTO public.roles (id, name, description) VALUES
    ('018bcfe5-6800-7000-8000-000000000001', 'super_admin', 'Everything, in all schools'),
    ('018bcfe5-6800-7000-8000-000000000002', 'school_admin', 'Everything in one school'),
    ('018bcfe5-6800-7000-8000-000000000003', 'staff', 'Students and passes of one school'),
    ('018bcfe5-6800-7000-8000-000000000004', 'security', 'Reads passes and access logs of one school'),
    ('018bcfe5-6800-7000-8000-000000000005', 'card_reader', 'Verifies passes at one access point')
ON CONFLICT ON CONSTRAINT roles_name_key DO NOTHING;

RESET ROLE;
