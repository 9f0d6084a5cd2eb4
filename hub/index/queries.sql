-- load_passes --
-- role: hub_system
-- Every pass, packed as hub/domain/card.py reads it. Packing here is what lets a million of them load in seconds.
SELECT p.lookup_key,
    uuid_send(p.id)
    || COALESCE(uuid_send(s.id), '\x00000000000000000000000000000000'::bytea)
    || int4send(c.number)
    || substring(int4send(LEAST(GREATEST(p.issue_date - DATE '1970-01-01', 0), 65535)) FROM 3)
    || substring(int4send(LEAST(GREATEST(p.expiry_date - DATE '1970-01-01', 0), 65535)) FROM 3)
    || int4send(
        (CASE p.status WHEN 'active' THEN 0 WHEN 'inactive' THEN 1 WHEN 'expired' THEN 2 ELSE 3 END << 24)
        | (CASE p.pass_type WHEN 'standard' THEN 0 WHEN 'temporary' THEN 1 ELSE 2 END << 16)
        | (CASE WHEN s.id IS NULL THEN 4 WHEN s.deleted_at IS NOT NULL THEN 1
            ELSE CASE s.status WHEN 'active' THEN 0 WHEN 'inactive' THEN 1 WHEN 'graduated' THEN 2 ELSE 3 END END << 8)
        | CASE WHEN s.photo_url IS NULL THEN 0 ELSE 1 END
    )
    || substring(int4send(octet_length(convert_to(n.name, 'UTF8'))) FROM 4)
    || convert_to(n.name || p.pass_number, 'UTF8') AS packed
FROM passes p
JOIN schools c ON c.id = p.school_id
LEFT JOIN students s ON s.id = p.student_id
CROSS JOIN LATERAL (
    SELECT left(COALESCE(s.first_name || COALESCE(' ' || NULLIF(s.middle_name, ''), '') || ' ' || s.last_name, ''), 60) AS name
) n

-- reread_passes --
-- role: hub_system
-- The same rows as they are now, of some lookup keys.
{load_passes}
WHERE p.lookup_key = ANY ($1::bytea[])

-- changes_in --
-- role: hub_system
-- What changed in a range of the feed, newest first, so that a revocation overtakes an import.
SELECT seq, kind, key FROM index_changes WHERE seq BETWEEN $1 AND $2 ORDER BY seq DESC LIMIT $3

-- changes_since --
-- role: hub_system
-- What changed in transactions that a note of `safe` does not cover.
SELECT seq, kind, key FROM index_changes WHERE xid >= $1::text::xid8 ORDER BY seq DESC

-- snapshot --
-- role: hub_system
-- The oldest transaction still running: all before it are visible. With it, how far the feed is pruned.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS safe,
    COALESCE((SELECT pruned_below::text FROM index_changes_state), '0') AS pruned_below

-- cluster --
-- role: hub_system
-- Which cluster and timeline this is: another one means that notes of `safe` mean nothing.
SELECT s.system_identifier::text || '/' || c.timeline_id::text FROM pg_control_system() s, pg_control_checkpoint() c

-- schools --
-- role: hub_system
-- All schools, or those of some ids.
SELECT id, number, code, name, timezone, is_active, max_staleness_seconds
FROM schools WHERE $1::uuid[] IS NULL OR id = ANY ($1::uuid[])

-- access_points --
-- role: hub_system
-- All access points that exist, or those of some ids.
SELECT id, school_id, name, access_type, is_active, max_staleness_seconds, fail_open
FROM access_points WHERE deleted_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))

-- device_keys --
-- role: hub_system
-- All device keys in force, or those of some ids.
SELECT id, key_hash, access_point_id, expires_at
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
