"""The product's PostgreSQL backend: normal work as the application role, migrations as the owner of the tables.

``DATABASES["default"]["ENGINE"] = "governance.database"``. See :mod:`governance.database.roles` for the roles and
:mod:`governance.database.provisioning` for the preparation of a cluster.
"""
