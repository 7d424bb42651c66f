"""Database models of the governance app."""

from governance.models.advisory import AdvisoryMirror, PackageAdvisories
from governance.models.check_run import CheckProgress, CheckRun
from governance.models.decision import Decision, Packet
from governance.models.delegation import Delegation
from governance.models.discussion import Comment, CommentRevision, DiscussionThread, ThreadResolution
from governance.models.document import FrozenDocument
from governance.models.emergency import EmergencyChange
from governance.models.external_run import ExternalRun
from governance.models.finding import Finding
from governance.models.idempotency import IdempotencyKey
from governance.models.impact import DatasetRecall, Impact
from governance.models.log_reading import LogPosition, UnprocessedEvent
from governance.models.notification import (
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationMute,
    NotificationPreferences,
)
from governance.models.pdf_file import PdfFile
from governance.models.policy import Policy, PolicyRevision, PolicyTerm, RequestPolicy
from governance.models.policy_replay import PolicyReplay
from governance.models.promotion import PromotionRequest
from governance.models.settlement_failure import SettlementFailure
from governance.models.sign_off import DocumentSignOff
from governance.models.signal import SignalReport, SignalSeries, SignalValue
from governance.models.signature import DecisionKey, PasskeyAssertion, SignatureRecord
from governance.models.source_copy import SourceCopy
from governance.models.waiver import Waiver
from governance.models.webhook import Webhook, WebhookDelivery, WebhookSecret

__all__ = [
    "AdvisoryMirror",
    "CheckProgress",
    "CheckRun",
    "Comment",
    "CommentRevision",
    "DatasetRecall",
    "Decision",
    "DecisionKey",
    "Delegation",
    "DiscussionThread",
    "DocumentSignOff",
    "EmergencyChange",
    "ExternalRun",
    "Finding",
    "FrozenDocument",
    "IdempotencyKey",
    "Impact",
    "LogPosition",
    "Notification",
    "NotificationChannel",
    "NotificationDelivery",
    "NotificationMute",
    "NotificationPreferences",
    "PackageAdvisories",
    "Packet",
    "PasskeyAssertion",
    "PdfFile",
    "Policy",
    "PolicyReplay",
    "PolicyRevision",
    "PolicyTerm",
    "PromotionRequest",
    "RequestPolicy",
    "SettlementFailure",
    "SignalReport",
    "SignalSeries",
    "SignalValue",
    "SignatureRecord",
    "SourceCopy",
    "ThreadResolution",
    "UnprocessedEvent",
    "Waiver",
    "Webhook",
    "WebhookDelivery",
    "WebhookSecret",
]
