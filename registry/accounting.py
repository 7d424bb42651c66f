"""Which actions account for changes of the registry's rows. ``manage.py migrate`` copies this into the database."""

from __future__ import annotations

from audit.accounting import declare

DECLARED = ("version.declared", "version.registered", "version.imported")
"""The actions that create a version, with everything declared for it."""
MOVED = ("promotion.promoted", "promotion.adopted", "promotion.reapproved")
"""The actions that change a version's stage or alias."""


def declare_all() -> None:
    """Declare the actions of each table, once every action is registered."""
    declare(
        "registry_user",
        *("person.registered", "person.updated", "person.deactivated", "person.reactivated"),
        *("person.password_set", "person.password_replaced"),
    )
    declare("registry_reviewergroup", "group.*")
    declare("registry_membership", "membership.*")
    declare("registry_grant", "grant.*")
    declare("registry_modeluserpermission", "grant.*")
    declare("registry_modelgrouppermission", "grant.*")
    declare("registry_accesstoken", "token.*")
    declare("registry_accessrequest", "access.*")
    declare("registry_stage", "lifecycle.*")
    declare("registry_stagemove", "lifecycle.*")
    declare("registry_protectedalias", "lifecycle.*")
    declare("registry_registeredmodel", "model.*", "review.*", *DECLARED, *MOVED, "version.deleted")
    declare(
        "registry_modelversion",
        *("version.*", "artifact.*", "metric.*", "card.*", "evidence.*", "alias.*"),
        *MOVED,
    )
    declare("registry_stageoccupancy", "version.*", *MOVED)
    declare("registry_aliasassignment", "version.*", "alias.*", *MOVED)
    declare("registry_artifact", "artifact.*", *DECLARED)
    declare("registry_datasetreference", *DECLARED)
    declare("registry_modelversion_parents", *DECLARED)
    declare("registry_metric", "metric.*", *DECLARED)
    declare("registry_modelcard", "card.*", *DECLARED)
    declare("registry_evidence", "evidence.*", *DECLARED)
    declare("registry_importrecord", "model.imported", "version.imported")
    declare("registry_questionnairerevision", "questionnaire.*")
    declare("registry_assessment", "model.*")
    declare("registry_periodicreview", "review.*")
    declare("registry_reviewreminder", "review.*")
    declare("registry_instance", "instance.*")
    declare("registry_changeproposal", "change.*")
    declare("registry_verificationkey", "verification_key.*")
    declare("registry_contribution", "version.*", "artifact.*", "metric.*", "card.*", "evidence.*")
    declare("registry_accountcontrol", "service_account.*", "token.*", "person.*")
    declare("registry_secondfactor", "person.*")
    declare("registry_passkey", "person.*")
    declare("registry_signinglock", "person.*")
    declare("registry_registeredname", "model.*")
    declare("registry_signinlink", "person.*")
