"""A policy template: YAML with every field explained, with the stages, groups and checks of this instance."""

import textwrap

from governance.checks import entry_points
from registry import selectors
from registry.models import ReviewerGroup

_TEMPLATE = """\
# A policy says what must be true before a version enters a stage. Text after # is a comment.
slug: {slug:<24} # the policy's name: lower-case letters, digits, hyphens; it never changes
title: What this policy is for
applies_to:
  stages: [{target}]         # target stages; there are: {stages}
  # aliases: [champion]        # protected aliases
  # from: [{target}]         # a policy for leaving these stages, in place of the two lines above
  tiers: [1, 2]                # risk tiers; remove this line for every tier
  # affects_people: true       # only models that affect people, or for which this is not stated
  # data_classes: [personal]   # only models that read one of these classes of data
  # regulations: [EU AI Act]   # only models under one of these regulations
  # teams: [Credit]            # only models of these teams
  # tags: {{market: retail}}     # only models with these tags; "*" accepts every value
priority: 10                   # of several policies for one change, the highest priority governs, then the narrowest
checks:                        # the page Checks describes each one; installed:
{checks}
  - check: integrity.digest
    mode: required             # or advisory: shown, does not block
{approvals}# conditions:                  # what else must be true; docs/policies.md lists the facts
#   all:
#     - {{fact: days_since_review, op: "<=", value: 365}}
comment_required: true         # approvers state what they looked at
# comment_min_length: 20       # and in at least so many characters
# approval_valid_days: 30      # an approval lapses after this
# wait_hours: 24               # time between the last approval and the change
# freeze_windows:              # nothing is promoted in these periods
#   - {{name: Year end, from: 2026-12-20T18:00, until: 2027-01-04T08:00, zone: Europe/Paris}}
# review_within_days: 365      # the next review of the model after the change
# escalation:                  # who is informed of a request that lacks approvals; who may decide does not change
#   remind_after_days: 3         # the people who may approve, this long after the review opened
#   escalate: [{{after_days: 5, to: deputies}}, {{after_days: 10, to: officers}}]
on_ready: promote              # or hold: a developer or owner releases it once everything is met
expires_after_days: 30         # an open request expires after this
# mutual_approvals: {{effect: exclude, within_days: 180, people: 3}}  # A approves of B, B of A: does not count
# requires_assessed_tier: false  # accept a risk tier that was declared without answering the questionnaire
# rollback:                      # the shorter path back to a version that was approved before
#   approvals: [{{group: reviewers}}]
#   within_days: 90              # for this long after it left the stage
# emergency:                     # a change by two people in an emergency; without it there is none
#   groups: [reviewers]
#   max_hours: 24
#   retrospective_within_days: 5
# after_promotion:               # what follows if the basis of an approval changes
#   inputs_changed: {{then: reapproval, within_days: 14}}
"""
_APPROVALS = """\
approvals:                     # reviewer groups: {groups}
  - group: {group}
    count: 1                   # how many different people of the group
    order: 1                   # groups of a lower order decide first; equal orders decide in parallel
  # - role: owner              # the owner of the model; or validators: those with this role on it
"""
_NO_GROUP = """\
# approvals:                   # there is no reviewer group yet; make one first
#   - group: reviewers
#     count: 1
"""


def template(slug: str = "my-policy") -> str:
    """Return a valid policy with every field explained. Two queries.

    Args:
        slug: the name of the policy.
    """
    stages = selectors.lifecycle().stages
    protected = [stage.slug for stage in stages if stage.protected]
    groups = list(ReviewerGroup.objects.order_by("slug").values_list("slug", flat=True))
    approvals = _APPROVALS.format(groups=", ".join(groups), group=groups[0]) if groups else _NO_GROUP
    return _TEMPLATE.format(
        slug=slug,
        target=protected[-1] if protected else stages[-1].slug,
        stages=", ".join(stage.slug for stage in stages),
        checks=textwrap.fill(
            ", ".join(sorted(check.slug for check in entry_points.all())),
            width=110,
            initial_indent="  # ",
            subsequent_indent="  # ",
            break_on_hyphens=False,
        ),
        approvals=approvals,
    )
