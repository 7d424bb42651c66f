"""Which event actions account for row changes of governance tables. ``manage.py migrate`` copies this to the
database.
"""

from __future__ import annotations

from audit.accounting import declare


def declare_all() -> None:
    """Declare them, after every action is registered."""
    declare("governance_policy", "policy.*")
    declare("governance_policyrevision", "policy.*")
    declare("governance_policyterm", "policy.*")
    declare("governance_advisorymirror", "advisories.*")
    declare("governance_packageadvisories", "advisories.*")
    declare("governance_promotionrequest", "promotion.*", "packet.*", "decision.*", "check.*")
    declare("governance_datasetrecall", "dataset.*")
    declare("governance_impact", "impact.*")
    declare("governance_emergencychange", "emergency.*")
    declare("governance_packet", "promotion.*", "packet.*")
    declare("governance_decision", "decision.*")
    declare("governance_decisionkey", "decision_key.*")
    declare("governance_signaturerecord", "decision.*")
    declare("governance_passkeyassertion", "decision.*")
    declare("governance_discussionthread", "comment.posted", "decision.*")
    declare("governance_comment", "comment.*")
    declare("governance_commentrevision", "comment.*")
    declare("governance_threadresolution", "thread.*", "decision.withdrawn")
    declare("governance_delegation", "delegation.*")
    declare("governance_checkrun", "check.*")
    declare("governance_externalrun", "external_run.*")
    declare("governance_frozendocument", "document.*")
    declare("governance_documentsignoff", "document.*")
    declare("governance_sourcecopy", "copy.*")
    declare("governance_webhook", "webhook.*")
    declare("governance_webhooksecret", "webhook.*")
    declare("governance_requestpolicy", "promotion.*")
    declare("governance_signalreport", "signal.*")
    declare("governance_signalseries", "signal.*")
    declare("governance_signalvalue", "signal.*")
    declare("governance_waiver", "waiver.*")
    declare("governance_monitoringfinding", "finding.*", "signal.*")
    declare("governance_notificationchannel", "notification_channel.*")
