"""Memberships begin when they are entered or later, and name who proposed them; accounts keep when they were shut."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# A minute is left between asking the clock and writing the event; whether a member counts is asked of the event.
NOT_BACKDATED = (
    """
CREATE FUNCTION public.registry_membership_not_backdated() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.valid_from < NEW.opened_at - interval '1 minute' THEN
        RAISE EXCEPTION 'a membership begins when it is entered, or later'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.groups.add_member.';
    END IF;
    RETURN NULL;
END $$
""",
    "SELECT fence.take('public.registry_membership_not_backdated()'::regprocedure)",
    """
CREATE TRIGGER registry_membership_not_backdated AFTER INSERT ON public.registry_membership
    FOR EACH ROW EXECUTE FUNCTION public.registry_membership_not_backdated()
""",
    "ALTER TABLE public.registry_membership ENABLE ALWAYS TRIGGER registry_membership_not_backdated",
    "SELECT fence.seal('public.registry_membership'::regclass, 'registry_membership_not_backdated')",
)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0018_tier_by_two"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="proposed_by",
            field=models.ForeignKey(
                blank=True,
                help_text="who proposed it, where another officer confirmed and so entered it",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="deactivated_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="of the last deactivation, kept after a reactivation: what was signed before counts no more",
                null=True,
            ),
        ),
        migrations.RunSQL(NOT_BACKDATED),
    ]
