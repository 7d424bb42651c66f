"""The product's PostgreSQL backend: ordinary work as the application role, migrations as the owner of the tables.

``DATABASES["default"]["ENGINE"] = "governance.database"``. See :mod:`governance.database.roles` for the roles and
:mod:`governance.database.provisioning` for how a cluster is made ready.
"""
