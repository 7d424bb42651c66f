"""`make tamper`: change one event of the demonstration log as a superuser of the database can, and show who notices.

    python -m governance.development.tamper [--event UUID]

The change cannot be undone: `make reset` removes the data. It works on the server of `make run` only.
"""

from __future__ import annotations

import argparse
import os
import sys

import django
import psycopg2

_TRIGGERS = "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'audit_event'::regclass AND NOT tgisinternal"


def alter_event(session: psycopg2.extensions.connection, event: str | None = None) -> tuple[int, str, str]:
    """Turn the guards off, change one letter of an event, and turn them on again, in one transaction.

    Args:
        session: of a superuser of the database.
        event: id of the event; by default the newest decision in the Merkle tree, or else the newest event there.

    Returns:
        Index, id and action of the event.

    Raises:
        LookupError: there is no such event in the Merkle tree.
    """
    with session, session.cursor() as cursor:
        cursor.execute("SET LOCAL event_triggers = off")
        cursor.execute(_TRIGGERS)
        triggers = cursor.fetchall()
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute(
            """
            SELECT e.id, l.leaf_index, e.event_id::text, e.action, convert_from(e.leaf, 'UTF8')
              FROM audit_event e JOIN audit_leaf l ON l.event_pk = e.id
             WHERE %(event)s IS NULL OR e.event_id = %(event)s::uuid
             ORDER BY e.action = 'decision.recorded' DESC, l.leaf_index DESC LIMIT 1
            """,
            {"event": event},
        )
        found = cursor.fetchone()
        if found is None:
            raise LookupError("No such event is in the Merkle tree yet: wait for the sequencer.")
        pk, index, event_id, action, text = found
        old, new = ('"approve"', '"reject"') if '"approve"' in text else ('"at":"2', '"at":"1')
        cursor.execute("UPDATE audit_event SET leaf = %s WHERE id = %s", [text.replace(old, new, 1).encode(), pk])
        for name, enabled in triggers:
            how = {"A": "ENABLE ALWAYS", "O": "ENABLE", "R": "ENABLE REPLICA"}.get(enabled, "DISABLE")
            cursor.execute(f'ALTER TABLE audit_event {how} TRIGGER "{name}"')
    return index, event_id, action


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="tamper", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--event", metavar="UUID", help="the event to change; by default the newest decision")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings.development")
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - after the set-up

    from governance.database.provisioning import connect_by_url  # noqa: PLC0415 - after the set-up

    session = connect_by_url(settings.COUNTERSIGN_PROVISION_URL)(settings.DATABASES["default"]["NAME"])
    try:
        index, event, action = alter_event(session, options.event)
    except (LookupError, psycopg2.Error) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        session.close()
    print(f"changed event {index} ({event}), {action}, as a superuser of the database")
    print(f"page      /audit/{event}/ and every list that shows the event")
    print("verifier  manage.py export_audit --output /tmp/bundle")
    print("          python /tmp/bundle/verifier.py /tmp/bundle --policy POLICY    (docs/verifying.md)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
