"""The log's tables, functions and guards. Raw SQL, because the database itself has to refuse what the log forbids.

Every object made here is handed over with fence.take() at the end: from then on it belongs to no role that can log in,
and the roles of the product keep only the grants written below.
"""

from __future__ import annotations

import django.contrib.postgres.fields
from django.db import migrations, models

# What the columns of an event are made from. convert_from() is only STABLE, because a conversion could be redefined;
# from UTF-8 to UTF-8 there is none, so these may call themselves IMMUTABLE. Names are qualified: a restore runs with an
# empty search_path. In PL/pgSQL, though each is one expression: SQL functions in a column are set up for every row.
LEAF_FUNCTIONS = r"""
CREATE FUNCTION audit_leaf_text(leaf bytea, VARIADIC path text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN pg_catalog.convert_from(leaf, 'UTF8')::pg_catalog.jsonb OPERATOR(pg_catalog.#>>) path;
END
$$;

CREATE FUNCTION audit_leaf_time(leaf bytea) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN (pg_catalog.convert_from(leaf, 'UTF8')::pg_catalog.jsonb
            OPERATOR(pg_catalog.->>) 'at')::pg_catalog.timestamptz;
END
$$;

CREATE FUNCTION audit_leaf_touched(leaf bytea) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    event jsonb := convert_from(leaf, 'UTF8')::jsonb;
    thing jsonb;
    found text[] := ARRAY[(event #>> '{object,type}') || ':' || (event #>> '{object,id}')];
BEGIN
    IF event ? 'related' THEN
        FOR thing IN SELECT jsonb_array_elements(event -> 'related') LOOP
            found := found || ((thing ->> 'type') || ':' || (thing ->> 'id'));
        END LOOP;
    END IF;
    RETURN found;
END
$$;

-- Whether the bytes are an event. jsonb keeps the last of two equal keys without a word, hence IS JSON.
CREATE FUNCTION audit_leaf_is_event(leaf bytea) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    written text := convert_from(leaf, 'UTF8');
    event jsonb;
BEGIN
    IF NOT written IS JSON OBJECT WITH UNIQUE KEYS THEN
        RETURN false;
    END IF;
    event := written::jsonb;
    RETURN coalesce(
        event ->> 'type' = 'audit.event/1'
        AND event ->> 'id' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
        AND event ->> 'at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$'
        AND event ->> 'action' ~ '^[a-z_]+(\.[a-z_]+)+$'
        AND jsonb_typeof(event -> 'log') = 'string'
        AND jsonb_typeof(event #> '{actor,type}') = 'string' AND event #>> '{actor,id}' <> ''
        AND jsonb_typeof(event #> '{object,type}') = 'string' AND event #>> '{object,id}' <> ''
        AND jsonb_typeof(event #> '{stream,id}') = 'string' AND jsonb_typeof(event #> '{stream,seq}') = 'number'
        AND jsonb_typeof(event -> 'changes') = 'array',
        false);
END
$$;
"""

TABLES = r"""
CREATE TABLE audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leaf bytea NOT NULL,
    -- Which transaction wrote it: transaction numbers start again in a new cluster, so its beginning is kept as well.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    began_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
    event_id uuid NOT NULL GENERATED ALWAYS AS (audit_leaf_text(leaf, 'id')::uuid) STORED,
    action text NOT NULL GENERATED ALWAYS AS (audit_leaf_text(leaf, 'action')) STORED,
    actor_id text NOT NULL GENERATED ALWAYS AS (audit_leaf_text(leaf, 'actor', 'id')) STORED,
    thing_type text NOT NULL GENERATED ALWAYS AS (audit_leaf_text(leaf, 'object', 'type')) STORED,
    thing_id text NOT NULL GENERATED ALWAYS AS (audit_leaf_text(leaf, 'object', 'id')) STORED,
    stream_id text NOT NULL GENERATED ALWAYS AS (audit_leaf_text(leaf, 'stream', 'id')) STORED,
    stream_seq bigint NOT NULL GENERATED ALWAYS AS (audit_leaf_text(leaf, 'stream', 'seq')::bigint) STORED,
    happened_at timestamptz NOT NULL GENERATED ALWAYS AS (audit_leaf_time(leaf)) STORED,
    touched text[] NOT NULL GENERATED ALWAYS AS (audit_leaf_touched(leaf)) STORED,
    CONSTRAINT audit_event_leaf_length CHECK (octet_length(leaf) BETWEEN 2 AND 65535),
    CONSTRAINT audit_event_leaf_is_event CHECK (audit_leaf_is_event(leaf)),
    CONSTRAINT audit_event_no_null_touched CHECK (array_position(touched, NULL) IS NULL),
    CONSTRAINT audit_event_once UNIQUE (event_id),
    CONSTRAINT audit_event_place_in_stream UNIQUE (stream_id, stream_seq)
);
CREATE INDEX audit_event_thing ON audit_event (thing_type, thing_id, stream_seq);
CREATE INDEX audit_event_touched ON audit_event USING gin (touched);
CREATE INDEX audit_event_action ON audit_event (action, happened_at, id);
CREATE INDEX audit_event_actor ON audit_event (actor_id, happened_at, id);
CREATE INDEX audit_event_happened ON audit_event (happened_at, id);
CREATE INDEX audit_event_xid ON audit_event (xid, thing_id);

-- One row a stream, so that writers of one stream wait for each other and of different streams do not.
CREATE TABLE audit_stream (
    stream_id text PRIMARY KEY,
    last_seq bigint NOT NULL CHECK (last_seq >= 0)
) WITH (fillfactor = 70);

-- Events no sequencer has taken up yet. Written in the event's own transaction, so none is ever passed over.
CREATE TABLE audit_pending (
    event_pk bigint PRIMARY KEY
);

-- Values an event only commits to. Deleting a row erases the value and leaves the event, and every proof, as it was.
CREATE TABLE audit_private (
    event_id uuid NOT NULL,
    pointer text NOT NULL,
    field text NOT NULL,
    salt bytea NOT NULL CHECK (octet_length(salt) = 32),
    value text NOT NULL,
    PRIMARY KEY (event_id, pointer)
);
"""

GUARDS = r"""
-- Lock a stream until the end of the transaction and tell the number its next event must carry.
CREATE FUNCTION audit_stream_next(stream text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seq bigint;
BEGIN
    SELECT last_seq INTO seq FROM public.audit_stream WHERE stream_id = stream FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO public.audit_stream VALUES (stream, 0) ON CONFLICT (stream_id) DO NOTHING;
        SELECT last_seq INTO seq FROM public.audit_stream WHERE stream_id = stream FOR NO KEY UPDATE;
    END IF;
    RETURN seq + 1;
END
$$;

-- An event takes the next place in its stream or is refused, and is put down for the sequencer.
CREATE FUNCTION audit_event_arrived() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE public.audit_stream SET last_seq = NEW.stream_seq
     WHERE stream_id = NEW.stream_id AND last_seq = NEW.stream_seq - 1;
    IF NOT FOUND THEN
        IF NEW.stream_seq = 1 THEN
            INSERT INTO public.audit_stream VALUES (NEW.stream_id, 1) ON CONFLICT (stream_id) DO NOTHING;
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'audit_event: number % is not the next one of stream %', NEW.stream_seq, NEW.stream_id
                USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      HINT = 'A stream has no gap and no fork. Take the number from audit_stream_next(stream) in the '
                             'same transaction.';
        END IF;
    END IF;
    INSERT INTO public.audit_pending VALUES (NEW.id);
    RETURN NULL;
END
$$;

-- A private value arrives with its event or never: nothing may be put under an old event later.
CREATE FUNCTION audit_private_arrived() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.audit_event e
                    WHERE e.event_id = NEW.event_id AND e.xid = pg_current_xact_id()
                      AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'audit_private: event % was not written in this transaction', NEW.event_id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Private values are kept by audit.recorder.record_event(), with their event.';
    END IF;
    RETURN NULL;
END
$$;

-- Refuse whatever the trigger stands on. Arguments: the rule, the way out.
CREATE FUNCTION audit_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
              HINT = TG_ARGV[1];
END
$$;

-- Refuse a change of a governed row unless events of this transaction account for it. Runs with the rights of whoever
-- changed the row, because the queries in its arguments are the migration's.
-- `account`, from 0: a JSON list of columns that may change without an event; then for each alternative three: the type
-- of the thing, the column of its uid, and the query that finds its uid for the row in $1, or '' when the row has it.
CREATE FUNCTION audit_demand_event(op text, changed text, guard text, account text[], was jsonb, became jsonb)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unrecorded text[];
    version jsonb;
    versions jsonb[];
    uid text;
    ids text[];
    sought text[];
    checked text[];
BEGIN
    -- An updated row is accounted for as what it was and as what it became: moving it to another parent touches both.
    IF op = 'INSERT' THEN
        versions := ARRAY[became];
    ELSIF op = 'DELETE' THEN
        versions := ARRAY[was];
    ELSE
        versions := ARRAY[became, was];
        unrecorded := ARRAY(SELECT jsonb_array_elements_text(account[0]::jsonb));
        IF versions[1] - unrecorded = versions[2] - unrecorded THEN
            RETURN;
        END IF;
    END IF;
    FOREACH version IN ARRAY versions LOOP
        ids := '{}';
        sought := '{}';
        FOR i IN 1 .. array_upper(account, 1) BY 3 LOOP
            IF account[i + 2] = '' THEN
                uid := version ->> account[i + 1];
            ELSE
                EXECUTE account[i + 2] INTO uid USING version;
            END IF;
            IF uid IS NOT NULL THEN
                ids := ids || uid;
                sought := sought || (account[i] || ':' || uid);
            END IF;
        END LOOP;
        CONTINUE WHEN sought = checked;
        IF NOT EXISTS (SELECT FROM public.audit_event e
                        WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
                          AND e.thing_id = ANY (ids) AND e.thing_type || ':' || e.thing_id = ANY (sought))
           AND NOT EXISTS (SELECT FROM public.audit_event e
                            WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
                              AND EXISTS (SELECT FROM unnest(e.touched) AS key WHERE key = ANY (sought))) THEN
            RAISE EXCEPTION '% of % refused: no event of this transaction accounts for it', op, changed
                USING ERRCODE = '23514', CONSTRAINT = guard, SCHEMA = 'public', TABLE = changed,
                      DETAIL = format('An event about %s is needed.',
                                      coalesce(nullif(array_to_string(sought, ' or '), ''),
                                               'the row''s parent, which is gone,')),
                      HINT = 'Change governed rows through the product''s services; they append the event with '
                             'audit.recorder.record_event() in the same transaction.';
        END IF;
        checked := sought;
    END LOOP;
END
$$;

-- The guard of tables whose rows have their uid themselves; audit.migration_guards makes the others, built alike.
-- The common case is asked first and in one sentence, because each expression costs its preparation in every
-- transaction: one event of this transaction touched the row as what it was and as what it became.
CREATE FUNCTION audit_require_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_ARGV[3] = '' AND TG_OP <> 'DELETE' AND EXISTS (
        SELECT FROM public.audit_event e
         WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
           AND e.touched @> ARRAY[TG_ARGV[1] || ':' || (to_jsonb(NEW) ->> TG_ARGV[2]),
                                  TG_ARGV[1] || ':' || (to_jsonb(coalesce(OLD, NEW)) ->> TG_ARGV[2])]) THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;

-- Refuse to change columns that are facts. Arguments: 'fixed' (never after the insert), 'once' (from NULL to a value
-- and no further) or 'close' (the row's only change is that all of these go from NULL to a value together); columns.
CREATE FUNCTION audit_keep_columns() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before jsonb;
    after jsonb;
    columns text[];
    broken text;
BEGIN
    -- The common case, in one sentence as above: facts that are all there and all as they were.
    IF TG_ARGV[0] = 'fixed' AND (
        SELECT bool_and(was.facts ? name AND was.facts -> name IS NOT DISTINCT FROM became.facts -> name)
          FROM to_jsonb(OLD) AS was (facts), to_jsonb(NEW) AS became (facts), unnest(TG_ARGV[1:]) AS name) THEN
        RETURN NULL;
    END IF;
    before := to_jsonb(OLD);
    after := to_jsonb(NEW);
    columns := TG_ARGV[1:];
    IF NOT before ?& columns THEN
        RAISE EXCEPTION '% guards a column that % no longer has: one of %', TG_NAME, TG_TABLE_NAME, columns
            USING ERRCODE = '42703';
    END IF;
    IF TG_ARGV[0] = 'fixed' THEN
        SELECT name || ' is fixed when the row is made' INTO broken FROM unnest(columns) AS name
         WHERE before -> name IS DISTINCT FROM after -> name LIMIT 1;
    ELSIF TG_ARGV[0] = 'once' THEN
        SELECT name || ' is fixed once it is set' INTO broken FROM unnest(columns) AS name
         WHERE before ->> name IS NOT NULL AND before -> name IS DISTINCT FROM after -> name LIMIT 1;
    ELSIF before = after THEN
        NULL;
    ELSIF before - columns IS DISTINCT FROM after - columns THEN
        SELECT name || ' may not change; the row can only be closed' INTO broken FROM jsonb_object_keys(after) AS name
         WHERE name <> ALL (columns) AND before -> name IS DISTINCT FROM after -> name LIMIT 1;
    ELSIF EXISTS (SELECT FROM unnest(columns) AS name WHERE before ->> name IS NOT NULL) THEN
        broken := 'the row is closed already';
    ELSIF EXISTS (SELECT FROM unnest(columns) AS name WHERE after ->> name IS NULL) THEN
        broken := array_to_string(columns, ' and ') || ' are set together';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'UPDATE of % refused: %', TG_TABLE_NAME, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'What was recorded stays as it was; record what is new in a new row.';
    END IF;
    RETURN NULL;
END
$$;
"""

# The guard of columns that give or take power: the event that accounts for their change names column and new value.
# Arguments: the type of the object, the column of its uid, then the guarded columns. A new row is held to those of its
# guarded columns that are true.
NAMED_CHANGE = r"""
CREATE FUNCTION public.audit_require_named_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    was jsonb := coalesce(to_jsonb(OLD), '{}');
    became jsonb := to_jsonb(NEW);
    named text;
BEGIN
    SELECT name INTO named FROM unnest(TG_ARGV[2:]) AS name
     WHERE CASE WHEN TG_OP = 'INSERT' THEN became -> name = 'true' ELSE was -> name IS DISTINCT FROM became -> name END
       AND NOT EXISTS (
            SELECT FROM public.audit_event e
             WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
               AND e.touched @> ARRAY[TG_ARGV[0] || ':' || (became ->> TG_ARGV[1])]
               AND convert_from(e.leaf, 'UTF8')::jsonb -> 'changes'
                   @> jsonb_build_array(jsonb_build_object('field', name, 'to', became -> name)))
     LIMIT 1;
    IF named IS NOT NULL THEN
        RAISE EXCEPTION '% of % refused: no event of this transaction names the change of %',
            TG_OP, TG_TABLE_NAME, named
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Its event has Change(column, before, after) with the value that is written.';
    END IF;
    RETURN NULL;
END
$$;
"""

TRIGGERS = r"""
CREATE TRIGGER audit_event_arrived AFTER INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_arrived();
CREATE TRIGGER audit_event_unchanged BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('an event is never changed or removed', 'Append a correcting event.');
CREATE TRIGGER audit_event_kept BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('the log is append-only', 'Nothing empties it.');
CREATE TRIGGER audit_stream_kept BEFORE DELETE ON audit_stream
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('a stream never starts again', 'Append to it.');
CREATE TRIGGER audit_stream_not_emptied BEFORE TRUNCATE ON audit_stream
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('a stream never starts again', 'Append to it.');
CREATE TRIGGER audit_pending_unchanged BEFORE UPDATE ON audit_pending
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('the sequencer takes rows out whole', 'Delete the row instead.');
CREATE TRIGGER audit_pending_not_emptied BEFORE TRUNCATE ON audit_pending
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('events would never be sequenced', 'Run the sequencer.');
CREATE TRIGGER audit_private_arrived AFTER INSERT ON audit_private
    FOR EACH ROW EXECUTE FUNCTION audit_private_arrived();
CREATE TRIGGER audit_private_unchanged BEFORE UPDATE ON audit_private
    FOR EACH ROW EXECUTE FUNCTION audit_refuse(
        'a private value is kept as it was recorded, or erased', 'Delete the row to erase the value.');
CREATE TRIGGER audit_private_not_emptied BEFORE TRUNCATE ON audit_private
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse(
        'private values are erased one by one', 'Delete the rows of the person concerned.');

ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_arrived;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_unchanged;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_kept;
ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_kept;
ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_not_emptied;
ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_pending_unchanged;
ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_pending_not_emptied;
ALTER TABLE audit_private ENABLE ALWAYS TRIGGER audit_private_arrived;
ALTER TABLE audit_private ENABLE ALWAYS TRIGGER audit_private_unchanged;
ALTER TABLE audit_private ENABLE ALWAYS TRIGGER audit_private_not_emptied;
"""

# INSERT (leaf) and no other column: naming one is refused even with DEFAULT, so a writer can give neither number nor
# transaction.
GRANTS = r"""
REVOKE ALL ON audit_event, audit_stream, audit_pending, audit_private FROM countersign_app, PUBLIC;
REVOKE ALL ON SEQUENCE audit_event_id_seq FROM countersign_app, PUBLIC;
GRANT SELECT, INSERT (leaf) ON audit_event TO countersign_app;
GRANT SELECT ON audit_stream TO countersign_app;
GRANT SELECT, DELETE ON audit_pending TO countersign_app;
GRANT SELECT, INSERT, DELETE ON audit_private TO countersign_app;
REVOKE ALL ON FUNCTION audit_stream_next(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_stream_next(text) TO countersign_app;
"""

HAND_OVER = r"""
SELECT fence.take(name::regprocedure) FROM unnest(ARRAY[
    'audit_leaf_text(bytea, text[])', 'audit_leaf_time(bytea)', 'audit_leaf_touched(bytea)',
    'audit_leaf_is_event(bytea)', 'audit_stream_next(text)', 'audit_event_arrived()', 'audit_private_arrived()',
    'audit_refuse()', 'audit_demand_event(text, text, text, text[], jsonb, jsonb)', 'audit_require_event()',
    'audit_keep_columns()', 'audit_require_named_change()']) AS name;
SELECT fence.take(name::regclass) FROM unnest(ARRAY[
    'audit_event', 'audit_stream', 'audit_pending', 'audit_private']) AS name;
"""


def _generated(field, function, *path):
    expression = models.Func(models.F("leaf"), *(models.Value(step) for step in path), function=function)
    return models.GeneratedField(db_persist=True, expression=expression, output_field=field)


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.RunSQL([LEAF_FUNCTIONS, TABLES, GUARDS, NAMED_CHANGE, TRIGGERS, GRANTS, HAND_OVER]),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("leaf", models.BinaryField()),
                ("event_id", _generated(models.UUIDField(), "audit_leaf_text", "id")),
                ("action", _generated(models.TextField(), "audit_leaf_text", "action")),
                ("actor_id", _generated(models.TextField(), "audit_leaf_text", "actor", "id")),
                ("thing_type", _generated(models.TextField(), "audit_leaf_text", "object", "type")),
                ("thing_id", _generated(models.TextField(), "audit_leaf_text", "object", "id")),
                ("stream_id", _generated(models.TextField(), "audit_leaf_text", "stream", "id")),
                ("stream_seq", _generated(models.BigIntegerField(), "audit_leaf_text", "stream", "seq")),
                ("happened_at", _generated(models.DateTimeField(), "audit_leaf_time")),
                (
                    "touched",
                    _generated(
                        django.contrib.postgres.fields.ArrayField(base_field=models.TextField()), "audit_leaf_touched"
                    ),
                ),
            ],
            options={"db_table": "audit_event", "managed": False},
        ),
        migrations.CreateModel(
            name="Pending",
            fields=[("event_pk", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"db_table": "audit_pending", "managed": False},
        ),
        migrations.CreateModel(
            name="Private",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "event_id", "pointer", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("event_id", models.UUIDField()),
                ("pointer", models.TextField()),
                ("field", models.TextField()),
                ("salt", models.BinaryField()),
                ("value", models.TextField()),
            ],
            options={"db_table": "audit_private", "managed": False},
        ),
        migrations.CreateModel(
            name="Stream",
            fields=[
                ("stream_id", models.TextField(primary_key=True, serialize=False)),
                ("last_seq", models.BigIntegerField()),
            ],
            options={"db_table": "audit_stream", "managed": False},
        ),
    ]
