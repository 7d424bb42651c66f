"""The fence of the knowing storey: no change without its event, facts that stay facts, one way to change a stage."""

from django.db import migrations

from audit.migration_guards import (
    EventRequirement,
    allow_close_only,
    immutable_columns,
    refuse_delete,
    require_event,
    write_once_columns,
)

MODEL = "registry_registeredmodel"
VERSION = "registry_modelversion"
OCCUPANCY = "registry_stageoccupancy"

# Which transaction opened an occupancy. The number alone would not do: numbers start again in a restored cluster.
STAMP = """
ALTER TABLE public.registry_stageoccupancy
    ADD COLUMN opened_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ADD COLUMN opened_in timestamptz NOT NULL DEFAULT transaction_timestamp();
"""

FUNCTIONS = {
    # An occupancy says itself which transaction opened it, whatever it is given.
    "registry_stamp_occupancy": """
BEGIN
    NEW.opened_xid := pg_current_xact_id();
    NEW.opened_in := transaction_timestamp();
    RETURN NEW;
END
""",
    # A version's stage changes only along a move of the lifecycle, in the transaction that opened the occupancy which
    # says so; into a protected stage, or out of one whose exit is protected, only by a promotion.
    "registry_stage_by_occupancy": """
DECLARE
    occupancy public.registry_stageoccupancy;
BEGIN
    IF NEW.stage_id = OLD.stage_id THEN
        RETURN NULL;
    END IF;
    SELECT * INTO occupancy FROM public.registry_stageoccupancy
     WHERE version_id = NEW.id AND stage_id = NEW.stage_id AND closed_at IS NULL
       AND opened_xid = pg_current_xact_id() AND opened_in = transaction_timestamp();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the stage of version % changes only with the occupancy that says so', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; registry.stage_transitions moves the version.';
    END IF;
    IF NOT EXISTS (SELECT FROM public.registry_stagemove
                    WHERE source_id = OLD.stage_id AND target_id = NEW.stage_id) THEN
        RAISE EXCEPTION 'the lifecycle has no move from stage % to stage %', OLD.stage_id, NEW.stage_id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Lawful moves are rows of registry_stagemove.';
    END IF;
    IF occupancy.promotion IS NULL AND EXISTS (
        SELECT FROM public.registry_stage
         WHERE (id = NEW.stage_id AND protected) OR (id = OLD.stage_id AND protected_exit)
    ) THEN
        RAISE EXCEPTION 'version % enters or leaves a protected stage by a promotion only', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
    END IF;
    RETURN NULL;
END
""",
    # At commit, a version is where its one open occupancy says.
    "registry_version_in_its_place": """
DECLARE
    about bigint;
BEGIN
    IF TG_TABLE_NAME = 'registry_modelversion' THEN
        about := NEW.id;
    ELSE
        about := NEW.version_id;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.registry_modelversion v
          JOIN public.registry_stageoccupancy o ON o.version_id = v.id AND o.closed_at IS NULL
          JOIN public.registry_stage s ON s.id = o.stage_id
         WHERE v.id = about AND o.stage_id = v.stage_id AND o.model_id = v.model_id AND o.exclusive = s.exclusive
    ) THEN
        RAISE EXCEPTION 'version % has no open occupancy of the stage it is in', about
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'registry.stage_transitions writes both in one transaction.';
    END IF;
    RETURN NULL;
END
""",
    # A dated row begins and ends with an event of the same transaction, and at its moment.
    "registry_dated_by_event": """
DECLARE
    event uuid;
    moment timestamptz;
BEGIN
    IF TG_OP = 'INSERT' THEN
        event := NEW.opened_event;
        moment := NEW.opened_at;
    ELSIF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL THEN
        event := NEW.closed_event;
        moment := NEW.closed_at;
    ELSE
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM public.audit_event e
                    WHERE e.event_id = event AND e.happened_at = moment
                      AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'a row of % begins and ends with an event of the same transaction, at its moment', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Append the event first; take its event_id and happened_at.';
    END IF;
    RETURN NULL;
END
""",
    # A protected alias is set by a promotion only.
    "registry_protected_alias_by_promotion": """
BEGIN
    IF NEW.promotion IS NULL AND EXISTS (SELECT FROM public.registry_protectedalias WHERE name = NEW.name) THEN
        RAISE EXCEPTION 'the alias % is protected and set by a promotion only', NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
    END IF;
    RETURN NULL;
END
""",
    # A version begins in the initial stage, registering; it becomes registered once, with all its files, and stays so.
    "registry_version_forward": """
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'registering' AND NOT (
            NEW.source_only AND NEW.fingerprint <> '' AND NEW.registered_at IS NOT NULL
        ) THEN
            broken := 'a version begins as registering, unless it is one by its source alone';
        ELSIF NOT (SELECT initial FROM public.registry_stage WHERE id = NEW.stage_id) THEN
            broken := 'a version begins in the initial stage';
        END IF;
    ELSIF OLD.status = 'registered' AND (NEW.status <> 'registered' OR NEW.fingerprint = '') THEN
        broken := 'a registered version stays registered';
    ELSIF OLD.status <> NEW.status AND EXISTS (
        SELECT FROM public.registry_artifact WHERE version_id = NEW.id AND blob_id IS NULL
    ) THEN
        broken := 'a version is registered when all its files are stored';
    ELSIF (NEW.status = 'registered') <> (NEW.registered_at IS NOT NULL) THEN
        broken := 'a version is registered at a moment';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% of version % refused: %', TG_OP, NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.versions.';
    END IF;
    RETURN NULL;
END
""",
    # What belongs to the declaration is written while the version is registering; where it was registered by its source
    # alone, also later, each file whole, until it is first promoted here: enters a protected stage or carries a
    # protected alias. What it was elsewhere before it came here was approved by nobody here, so it fixes nothing.
    # Argument: the version's column.
    "registry_while_open": """
DECLARE
    about public.registry_modelversion;
BEGIN
    SELECT * INTO about FROM public.registry_modelversion
     WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    IF about.status = 'registering' THEN
        RETURN NULL;
    END IF;
    IF about.status IS NULL OR NOT about.source_only OR TG_OP <> 'INSERT'
       OR (TG_TABLE_NAME = 'registry_artifact' AND to_jsonb(NEW) ->> 'blob_id' IS NULL)
       OR EXISTS (SELECT FROM public.registry_stageoccupancy o
                    JOIN public.registry_stage s ON s.id = o.stage_id AND s.protected
                   WHERE o.version_id = about.id AND NOT o.before_governance)
       OR EXISTS (SELECT FROM public.registry_aliasassignment a
                    JOIN public.registry_protectedalias p ON p.name = a.name
                   WHERE a.version_id = about.id AND NOT a.before_governance) THEN
        RAISE EXCEPTION 'what a registered version was declared with is fixed'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Declare a new version.';
    END IF;
    RETURN NULL;
END
""",
    # Counters count up. Arguments: columns.
    "registry_counts_up": """
DECLARE
    broken text;
BEGIN
    SELECT name INTO broken FROM unnest(TG_ARGV) AS name
     WHERE (to_jsonb(NEW) ->> name)::bigint < (to_jsonb(OLD) ->> name)::bigint LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% of % only counts up', broken, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Numbers are never used again.';
    END IF;
    RETURN NULL;
END
""",
    # Every group of Django's is a reviewer group, and changes with an event about it.
    "registry_group_by_event": """
DECLARE
    group_uid uuid := (SELECT uid FROM public.registry_reviewergroup WHERE group_ptr_id = NEW.id);
BEGIN
    IF group_uid IS NULL OR NOT EXISTS (
        SELECT FROM public.audit_event e
         WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
           AND ('group:' || group_uid) = ANY (e.touched)
    ) THEN
        RAISE EXCEPTION '% of group % refused: it is no reviewer group, or no event accounts for it', TG_OP, NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.people.create_group.';
    END IF;
    RETURN NULL;
END
""",
}


def functions():
    """The trigger functions, handed over: the owner can neither change nor drop them."""
    statements = []
    for name, body in FUNCTIONS.items():
        head = f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
        statements += [f"{head} AS $${body}$$", f"SELECT fence.take('public.{name}()'::regprocedure)"]
    return migrations.RunSQL(tuple(statements))


def guard(table, name, when, function, *arguments, condition="TRUE", deferred=False):
    """A trigger that fires always, sealed. `when` is its moment, such as "BEFORE INSERT"."""
    kind, deferral = ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED ") if deferred else ("TRIGGER", "")
    told = ", ".join("'" + argument.replace("'", "''") + "'" for argument in arguments)
    fires = f"{when} ON public.{table} {deferral}FOR EACH ROW WHEN ({condition})"
    return migrations.RunSQL(
        (
            f"CREATE {kind} {name} {fires} EXECUTE FUNCTION {function}({told})",
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        )
    )


def dated(table):
    """A dated row begins and ends with its event, is closed once, and is kept."""
    return [
        refuse_delete(table, "Close the row instead; its service does."),
        allow_close_only(table, "closed_at", "closed_event"),
        guard(table, "registry_dated_by_event", "AFTER INSERT OR UPDATE", "registry_dated_by_event", deferred=True),
    ]


def fixed(table, *columns):
    """Rows that are added and never changed."""
    return [refuse_delete(table, "Add a newer row; this one stays on record."), immutable_columns(table, *columns)]


OF_VERSION = ("version_id", VERSION)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0001_initial"),
        ("audit", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RunSQL(STAMP),
        functions(),
        # --- people, groups, roles, tokens ---
        require_event("registry_user", "person"),
        refuse_delete("registry_user", "Deactivate the account instead."),
        immutable_columns("registry_user", "uid", "kind", "created_at"),
        require_event("registry_reviewergroup", "group"),
        refuse_delete("registry_reviewergroup", "Take its members out instead."),
        immutable_columns("registry_reviewergroup", "group_ptr_id", "uid", "slug", "created_at"),
        refuse_delete("auth_group", "Take its members out instead."),
        guard(
            "auth_group", "registry_group_by_event", "AFTER INSERT OR UPDATE", "registry_group_by_event", deferred=True
        ),
        guard(
            "auth_group_permissions",
            "registry_rights_are_roles",
            "BEFORE INSERT OR UPDATE",
            "audit_refuse",
            "rights are roles, given on the record",
            "Use registry.access.grant_role.",
        ),
        require_event("registry_membership", "membership"),
        *dated("registry_membership"),
        require_event("registry_grant", "grant"),
        *dated("registry_grant"),
        require_event("registry_modeluserpermission", "model", via=("content_object_id", MODEL)),
        immutable_columns("registry_modeluserpermission", "user_id", "permission_id", "content_object_id"),
        require_event("registry_modelgrouppermission", "model", via=("content_object_id", MODEL)),
        immutable_columns("registry_modelgrouppermission", "group_id", "permission_id", "content_object_id"),
        require_event("registry_accesstoken", "token"),
        refuse_delete("registry_accesstoken", "Revoke the token instead."),
        immutable_columns(
            "registry_accesstoken",
            *("uid", "person_id", "name", "prefix", "digest", "scopes", "model_slugs", "created_at", "expires_at"),
        ),
        write_once_columns("registry_accesstoken", "revoked_at"),
        # --- the lifecycle ---
        require_event("registry_stage", "stage", "slug"),
        refuse_delete("registry_stage", "Take the moves into it away instead."),
        immutable_columns("registry_stage", "slug", "initial", "exclusive"),
        require_event("registry_stagemove", "stage", "slug", via=("source_id", "registry_stage")),
        require_event("registry_protectedalias", "protected_alias", "name"),
        # --- models and versions ---
        require_event(MODEL, "model"),
        refuse_delete(MODEL, "Archive the model instead."),
        immutable_columns(MODEL, "uid", "slug", "created_at"),
        guard(MODEL, "registry_counts_up", "AFTER UPDATE", "registry_counts_up", "next_version", "revision"),
        require_event(VERSION, "version"),
        refuse_delete(VERSION, "Move the version to Archived instead."),
        immutable_columns(
            VERSION,
            *("uid", "model_id", "number", "source", "run_id", "run_link", "code_repository", "code_commit"),
            *("code_clean", "environment_lock", "parameters", "signature", "licence", "registered_by_id"),
            *("registered_with_id", "trained_by_id", "declaration", "created_at"),
        ),
        write_once_columns(VERSION, "registered_at"),
        guard(VERSION, "registry_counts_up", "AFTER UPDATE", "registry_counts_up", "revision", "evidence_revision"),
        guard(VERSION, "registry_version_forward", "AFTER INSERT OR UPDATE", "registry_version_forward"),
        guard(VERSION, "registry_stage_by_occupancy", "AFTER UPDATE", "registry_stage_by_occupancy"),
        guard(VERSION, "registry_version_in_its_place", "AFTER INSERT", "registry_version_in_its_place", deferred=True),
        guard(
            VERSION,
            "registry_version_stays_in_its_place",
            "AFTER UPDATE",
            "registry_version_in_its_place",
            condition="(OLD.id, OLD.stage_id, OLD.model_id) IS DISTINCT FROM (NEW.id, NEW.stage_id, NEW.model_id)",
            deferred=True,
        ),
        require_event(OCCUPANCY, "version", via=OF_VERSION),
        *dated(OCCUPANCY),
        guard(OCCUPANCY, "registry_stamp_occupancy", "BEFORE INSERT", "registry_stamp_occupancy"),
        guard(
            OCCUPANCY,
            "registry_version_in_its_place",
            "AFTER INSERT OR UPDATE",
            "registry_version_in_its_place",
            deferred=True,
        ),
        require_event("registry_aliasassignment", "version", via=OF_VERSION),
        *dated("registry_aliasassignment"),
        guard(
            "registry_aliasassignment",
            "registry_protected_alias_by_promotion",
            "AFTER INSERT",
            "registry_protected_alias_by_promotion",
        ),
        # --- what versions consist of ---
        *fixed("registry_blob", "sha256", "size", "stored_at"),
        require_event("registry_artifact", "artifact", alternatives=[EventRequirement("version", via=OF_VERSION)]),
        *fixed("registry_artifact", "uid", "version_id", "path", "sha256", "size"),
        write_once_columns("registry_artifact", "blob_id"),
        guard(
            "registry_artifact",
            "registry_while_registering",
            "AFTER INSERT OR UPDATE",
            "registry_while_open",
            "version_id",
        ),
        require_event("registry_datasetreference", "version", via=OF_VERSION),
        *fixed(
            "registry_datasetreference",
            *("uid", "version_id", "role", "name", "reference", "uri", "digest_algorithm", "digest", "strength"),
        ),
        guard(
            "registry_datasetreference",
            "registry_while_registering",
            "AFTER INSERT",
            "registry_while_open",
            "version_id",
        ),
        require_event("registry_modelversion_parents", "version", via=("from_modelversion_id", VERSION)),
        *fixed("registry_modelversion_parents", "from_modelversion_id", "to_modelversion_id"),
        guard(
            "registry_modelversion_parents",
            "registry_while_registering",
            "AFTER INSERT",
            "registry_while_open",
            "from_modelversion_id",
        ),
        require_event("registry_metric", "version", via=OF_VERSION),
        *fixed(
            "registry_metric",
            *("uid", "version_id", "name", "value", "dataset", "slice", "revision", "recorded_at"),
        ),
        require_event("registry_modelcard", "version", via=OF_VERSION),
        *fixed("registry_modelcard", "uid", "version_id", "text", "sha256", "revision", "added_by_id", "added_at"),
        require_event("registry_evidence", "version", via=OF_VERSION),
        *fixed(
            "registry_evidence",
            *("uid", "version_id", "kind", "filename", "blob_id", "revision", "added_by_id", "added_at"),
        ),
    ]
