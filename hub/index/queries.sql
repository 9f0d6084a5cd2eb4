-- load_passes --
-- role: hub_system
-- Every pass, packed as hub/domain/card.py reads it. Packing here is what lets a million of them load in seconds.
SELECT p.lookup_key,
    uuid_send(p.id)
    || COALESCE(uuid_send(s.id), '\x00000000000000000000000000000000'::bytea)
    || int4send(c.number)
    -- Clamped before the subtraction, which fails on 'infinity': 2149-06-06 is day 65535.
    || substring(int4send(LEAST(GREATEST(p.issue_date, DATE '1970-01-01'), DATE '2149-06-06') - DATE '1970-01-01') FROM 3)
    || substring(int4send(LEAST(GREATEST(p.expiry_date, DATE '1970-01-01'), DATE '2149-06-06') - DATE '1970-01-01') FROM 3)
    || int4send(
        (CASE p.status WHEN 'active' THEN CASE WHEN p.uses >= p.max_uses THEN 4 ELSE 0 END
            WHEN 'inactive' THEN 1 WHEN 'expired' THEN 2 ELSE 3 END << 24)
        | (CASE p.pass_type WHEN 'standard' THEN 0 WHEN 'temporary' THEN 1 ELSE 2 END << 16)
        | (CASE WHEN s.id IS NULL THEN 4 WHEN s.deleted_at IS NOT NULL THEN 1
            ELSE CASE s.status WHEN 'active' THEN 0 WHEN 'inactive' THEN 1 WHEN 'graduated' THEN 2 ELSE 3 END END << 8)
        | CASE WHEN s.photo_url IS NULL THEN 0 ELSE 1 END
        | (COALESCE(p.max_uses, 0) << 1)
    )
    || substring(int4send(octet_length(convert_to(n.name, 'UTF8'))) FROM 4)
    || convert_to(n.name || p.pass_number, 'UTF8') AS packed
FROM passes p
JOIN schools c ON c.id = p.school_id
LEFT JOIN students s ON s.id = p.student_id
CROSS JOIN LATERAL (
    SELECT left(COALESCE(s.first_name || COALESCE(' ' || NULLIF(s.middle_name, ''), '') || ' ' || s.last_name, p.visitor_name, ''), 60) AS name
) n

-- reread_passes --
-- role: hub_system
-- The same rows as they are now, of some lookup keys.
{load_passes}
WHERE p.lookup_key = ANY ($1::bytea[])

-- changes_in --
-- role: hub_system
-- What changed in some ranges of the feed, passes with the row that they have now: one round trip for a revocation.
-- OFFSET 0 keeps both look-ups what they are, one index look-up a range and one a key.
SELECT named.seq, named.kind, named.key, held.packed
FROM unnest($1::bigint[], $2::bigint[]) AS r (low, high)
CROSS JOIN LATERAL (
    SELECT seq, kind, key FROM index_changes WHERE seq BETWEEN r.low AND r.high OFFSET 0
) AS named
LEFT JOIN LATERAL (
{load_passes}
WHERE p.lookup_key = named.key AND named.kind = 'pass' OFFSET 0
) AS held ON true

-- newest_change --
-- role: hub_system
-- How far the feed is.
SELECT COALESCE(max(seq), 0) FROM index_changes

-- plan_mode --
-- role: hub_system
-- Whether this connection keeps plans ('force_generic_plan') or makes one for each query ('force_custom_plan').
SELECT set_config('plan_cache_mode', $1, false)

-- forget_plans --
-- role: hub_system
-- Plans that were made for small tables are wrong for large ones, long before ANALYZE comes by.
DISCARD PLANS

-- changes_since --
-- role: hub_system
-- What changed in transactions that a note of `safe` does not cover, at most $2 of it.
SELECT seq, kind, key FROM index_changes WHERE xid >= $1::text::xid8 ORDER BY seq DESC LIMIT $2

-- snapshot --
-- role: hub_system
-- The oldest transaction still running: all before it are visible. With it, how far the feed is pruned.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS safe,
    COALESCE((SELECT pruned_below::text FROM index_changes_state), '0') AS pruned_below

-- cluster --
-- role: hub_system
-- Which cluster, timeline and database this is: in another one, notes of `safe` mean nothing. The timeline is read from
-- the log that is being written: pg_control_checkpoint() still shows the old one for a while after a failover.
SELECT s.system_identifier::text || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || d.oid::text
FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()

-- schools --
-- role: hub_system
-- All schools, or those of some ids.
SELECT id, number, code, name, timezone, is_active, max_staleness_seconds,
    COALESCE(settings -> 'failOpen' = 'true'::jsonb, false) AS fail_open
FROM schools WHERE $1::uuid[] IS NULL OR id = ANY ($1::uuid[])

-- access_points --
-- role: hub_system
-- All access points that exist, or those of some ids.
SELECT id, school_id, name, access_type, is_active, max_staleness_seconds, fail_open
FROM access_points WHERE deleted_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))

-- device_keys --
-- role: hub_system
-- All device keys in force, or those of some ids. 'infinity', and what no datetime can say, is never.
SELECT id, key_hash, access_point_id,
    CASE WHEN expires_at < '9999-01-01Z'::timestamptz THEN GREATEST(expires_at, '1970-01-01Z'::timestamptz) END AS expires_at
FROM device_keys WHERE revoked_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))

-- signing_keys --
-- role: hub_system
-- Public keys that still vouch for codes: retired ones do, compromised ones do not.
SELECT id, kid, public_key
FROM signing_keys WHERE compromised_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))

-- checksums --
-- role: hub_system
-- Count and checksum of each school's packed passes, as hub/index/index.py keeps them.
SELECT number, count(*) AS passes, bit_xor(('x' || left(md5(lookup_key || packed), 16))::bit(64)::bigint) AS sum
FROM (SELECT k.*, ('x' || encode(substring(k.packed FROM 33 FOR 4), 'hex'))::bit(32)::int AS number
    FROM ({load_passes}) k) rows
GROUP BY number
