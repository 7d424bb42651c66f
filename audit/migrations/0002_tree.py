"""The tables of the Merkle tree. Rows are only added, and the database verifies the hash and the place of each leaf."""

from __future__ import annotations

from django.db import migrations

TABLES = r"""
-- The place of each event in the tree. Numbers begin at 0 and have no gap.
CREATE TABLE audit_leaf (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    event_pk bigint NOT NULL UNIQUE,
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32)
);

-- Full tiles only: 256 hashes, and the root over them, which is a hash of the level above.
CREATE TABLE audit_tile (
    level smallint NOT NULL CHECK (level >= 0),
    n bigint NOT NULL CHECK (n >= 0),
    hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (level, n)
);

-- The tree after each batch, written with its leaves.
CREATE TABLE audit_tree_head (
    size bigint PRIMARY KEY CHECK (size > 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Tree heads that were signed. The origin changes when a log is continued after its database was restored.
CREATE TABLE audit_checkpoint (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (origin, size)
);

-- Where a checkpoint was left outside this database, and what was answered.
CREATE TABLE audit_anchor (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    kind text NOT NULL,
    place text NOT NULL,
    evidence text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (place, origin, size)
);

-- Public keys that signed, so that processes without the key can show them. A reader trusts a copy kept elsewhere.
CREATE TABLE audit_log_key (
    vkey text PRIMARY KEY,
    origin text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row. The sequencer that holds its lock gives numbers. Locking it needs UPDATE, which the guard below refuses.
CREATE TABLE audit_sequencer (
    one boolean PRIMARY KEY DEFAULT true CHECK (one)
);
INSERT INTO audit_sequencer DEFAULT VALUES;
"""

GUARDS = r"""
-- A leaf is the hash of its event, and the numbers of a batch follow the last one.
CREATE FUNCTION audit_leaves_checked() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first bigint;
    last bigint;
    number bigint;
    broken text;
BEGIN
    SELECT min(leaf_index), max(leaf_index), count(*) INTO first, last, number FROM made;
    IF number = 0 THEN
        RETURN NULL;
    END IF;
    IF last - first + 1 <> number
       OR (first > 0 AND NOT EXISTS (SELECT FROM public.audit_leaf WHERE leaf_index = first - 1)) THEN
        broken := format('leaves %s to %s do not follow the last leaf', first, last);
    ELSE
        SELECT format('leaf %s is not the hash of its event', m.leaf_index) INTO broken
          FROM made m LEFT JOIN public.audit_event e ON e.id = m.event_pk
         WHERE e.id IS NULL OR m.leaf_hash <> sha256('\x00'::bytea || e.leaf) LIMIT 1;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'INSERT of % refused: %', TG_TABLE_NAME, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Leaves are written by the sequencer.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_leaf_checked AFTER INSERT ON audit_leaf REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION audit_leaves_checked();
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_leaf_checked;

DO $$
DECLARE
    subject text;
BEGIN
    FOREACH subject IN ARRAY ARRAY['audit_leaf', 'audit_tile', 'audit_tree_head', 'audit_checkpoint', 'audit_anchor',
                                   'audit_log_key', 'audit_sequencer'] LOOP
        EXECUTE format($sql$
            CREATE TRIGGER %1$s_unchanged BEFORE UPDATE OR DELETE ON %1$s FOR EACH ROW
                EXECUTE FUNCTION audit_refuse('the tree of the log only grows', 'Append to the log.');
            CREATE TRIGGER %1$s_not_emptied BEFORE TRUNCATE ON %1$s FOR EACH STATEMENT
                EXECUTE FUNCTION audit_refuse('the tree of the log only grows', 'Append to the log.');
            ALTER TABLE %1$s ENABLE ALWAYS TRIGGER %1$s_unchanged;
            ALTER TABLE %1$s ENABLE ALWAYS TRIGGER %1$s_not_emptied;
        $sql$, subject);
    END LOOP;
END
$$;
"""

GRANTS = r"""
REVOKE ALL ON audit_leaf, audit_tile, audit_tree_head, audit_checkpoint, audit_anchor, audit_log_key, audit_sequencer
    FROM countersign_app, PUBLIC;
REVOKE ALL ON SEQUENCE audit_checkpoint_id_seq, audit_anchor_id_seq FROM countersign_app, PUBLIC;
GRANT SELECT, INSERT (leaf_index, event_pk, leaf_hash) ON audit_leaf TO countersign_app;
GRANT SELECT, INSERT (level, n, hashes, root) ON audit_tile TO countersign_app;
GRANT SELECT, INSERT (size, root) ON audit_tree_head TO countersign_app;
GRANT SELECT, INSERT (origin, size, note) ON audit_checkpoint TO countersign_app;
GRANT SELECT, INSERT (origin, size, kind, place, evidence) ON audit_anchor TO countersign_app;
GRANT SELECT, INSERT (vkey, origin) ON audit_log_key TO countersign_app;
GRANT SELECT, UPDATE ON audit_sequencer TO countersign_app;
"""

HAND_OVER = r"""
SELECT fence.take('audit_leaves_checked()'::regprocedure);
SELECT fence.take(name::regclass) FROM unnest(ARRAY[
    'audit_leaf', 'audit_tile', 'audit_tree_head', 'audit_checkpoint', 'audit_anchor', 'audit_log_key',
    'audit_sequencer']) AS name;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunSQL([TABLES, GUARDS, GRANTS, HAND_OVER])]
