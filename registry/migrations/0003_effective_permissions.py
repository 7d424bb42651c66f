"""Views of the permissions that people have now on registered models, for guardian's functions.

The pairs of role and permission are those of `ROLE_PERMISSIONS`; a test compares them, and a change of roles comes with a
migration that replaces the view.
"""

from django.db import migrations, models

USERS = """
CREATE VIEW registry_effective_user_permission WITH (security_invoker = true) AS
WITH role_permission (role, codename) AS (VALUES
    ('viewer', 'view_registeredmodel'),
    ('registrar', 'view_registeredmodel'), ('registrar', 'register_version'),
    ('developer', 'view_registeredmodel'), ('developer', 'change_registeredmodel'),
    ('developer', 'register_version'), ('developer', 'request_promotion'),
    ('validator', 'view_registeredmodel'), ('validator', 'decide_promotion'),
    ('approver', 'view_registeredmodel'), ('approver', 'decide_promotion'),
    ('owner', 'view_registeredmodel'), ('owner', 'change_registeredmodel'), ('owner', 'register_version'),
    ('owner', 'request_promotion'), ('owner', 'grant_role'),
    ('auditor', 'view_registeredmodel'),
    ('officer', 'view_registeredmodel'),
    ('administrator', 'view_registeredmodel'), ('administrator', 'grant_role')
), live (user_id, model_id, role) AS (
    SELECT g.user_id, g.model_id, g.role FROM registry_grant g
     WHERE g.user_id IS NOT NULL AND g.closed_at IS NULL
       AND (g.expires_at IS NULL OR g.expires_at > statement_timestamp())
    UNION
    SELECT m.user_id, g.model_id, g.role
      FROM registry_grant g JOIN registry_effective_membership m ON m.group_id = g.group_id
     WHERE g.closed_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > statement_timestamp())
), permission_of (user_id, content_object_id, codename) AS (
    SELECT l.user_id, m.id, r.codename
      FROM live l JOIN role_permission r ON r.role = l.role
      JOIN registry_registeredmodel m ON m.id = l.model_id OR l.model_id IS NULL
     WHERE m.deleted_at IS NULL
    UNION
    SELECT u.id, m.id, s.codename
      FROM registry_user u CROSS JOIN registry_registeredmodel m
     CROSS JOIN (VALUES ('view_registeredmodel'), ('grant_role')) AS s (codename)
     WHERE u.is_superuser AND m.deleted_at IS NULL
)
SELECT hashtextextended(concat_ws(':', o.user_id, o.content_object_id, p.id), 0) AS id,
       o.user_id, o.content_object_id, p.id AS permission_id
  FROM permission_of o
  JOIN registry_user u ON u.id = o.user_id AND u.is_active
  JOIN django_content_type c ON c.app_label = 'registry' AND c.model = 'registeredmodel'
  JOIN auth_permission p ON p.content_type_id = c.id AND p.codename = o.codename
 WHERE o.codename <> 'decide_promotion'
    OR (NOT u.is_superuser AND u.kind = 'person'
        AND NOT EXISTS (SELECT FROM live a
                         WHERE a.user_id = u.id AND a.model_id IS NULL AND a.role = 'administrator'));
REVOKE INSERT, UPDATE, DELETE ON registry_effective_user_permission FROM countersign_app;
"""

GROUPS = """
CREATE VIEW registry_effective_group_permission WITH (security_invoker = true) AS
SELECT 0::bigint AS id, g.id AS group_id, 0::bigint AS content_object_id, 0 AS permission_id
  FROM auth_group g WHERE false;
REVOKE INSERT, UPDATE, DELETE ON registry_effective_group_permission FROM countersign_app;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_claimable_uploads")]

    operations = [
        migrations.RunSQL([USERS, GROUPS]),
        migrations.CreateModel(
            name="EffectiveGroupPermission",
            fields=[("id", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"db_table": "registry_effective_group_permission", "managed": False},
        ),
        migrations.CreateModel(
            name="EffectiveUserPermission",
            fields=[("id", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"db_table": "registry_effective_user_permission", "managed": False},
        ),
    ]
