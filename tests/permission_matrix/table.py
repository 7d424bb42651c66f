"""Who may do what: one table, which every interface of the product is held to.

It is written by hand and derived from nothing, so that a change of the permission matrix has to be made here, too,
where it can be read. A cell says what happens when the person tries:

    +  allowed      -  denied: they may know of it and are told why not, and who can help (403)
    .  invisible: the same answer as for what is not there (404)     ?  no person is signed in: sign in first (401)

The interfaces where an action is offered: S service, P page, R REST interface, M MLflow, A admin site.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExpectedResult(StrEnum):
    """The result of an attempt."""

    ALLOWED = "+"
    DENIED = "-"
    INVISIBLE = "."
    SIGN_IN = "?"


class Interface(StrEnum):
    """A way into the product."""

    SERVICE = "S"
    PAGE = "P"
    REST = "R"
    MLFLOW = "M"
    ADMIN = "A"


PEOPLE = {
    "vw": "viewer",
    "rg": "registrar",
    "dv": "developer",
    "va": "validator",
    "ap": "approver",
    "ow": "owner",
    "au": "auditor",
    "of": "officer",
    "ad": "administrator",
    "su": "superuser",
    "rv": "reviewer",  # of the group that the policy calls upon, which is an approver on the model
    "rq": "requester",  # a developer and a member of the group, who asked for the promotion
    "tr": "trainer",  # a registrar and a member of the group, who registered the version
    "st": "stranger",  # signed in, and holds nothing
    "an": "anonymous",
    "go": "gone",  # was owner, officer, administrator and member of the group; the account is deactivated
}
"""The first six hold that role on the model, the next three in the organisation. The superuser is a member of the
group, too."""

TOKENS = {
    "or": "owner's token to read",
    "ow": "owner's token to read and write models",
    "ov": "owner's token to read and write versions",
    "op": "owner's token to read and ask for promotions",
    "ox": "owner's token to read and execute promotions",
    "oa": "owner's token to read models and the audit log",
    "oz": "owner's token with every scope",
    "oh": "owner's token with every scope, limited to the model",
    "ot": "owner's token with every scope, limited to another model",
    "ob": "owner's token with every scope but reading models",
    "vz": "viewer's token with every scope",
    "az": "auditor's token with every scope",
    "ah": "auditor's token with every scope, limited to the model",
    "fz": "officer's token with every scope",
    "dz": "administrator's token with every scope",
    "sz": "superuser's token with every scope",
    "rz": "reviewer's token with every scope",
    "qz": "requester's token with every scope",
    "qp": "requester's token to read and ask for promotions",
    "cz": "token of a service account that is a developer, with every scope",
    "xz": "stranger's token with every scope",
    "gz": "token of the account that is gone",
    "rk": "owner's token, revoked",
    "ex": "owner's token, expired",
}

_PEOPLE_MAY = """
                                     where  vw rg dv va ap ow  au of ad  su  rv rq tr  st an go
view the model                       SPRM   +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
find the model in a list             SPRM   +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
view a version                       SPRM   +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
simulate a promotion                 SR     +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
simulate it under a draft            SR     -  -  -  -  -  -   -  +  -   -   -  -  -   .  ?  ?
view a dataset                       SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
find the dataset in a list           SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
recall a dataset                     SP     -  -  -  -  -  -   -  +  -   -   -  -  -   .  ?  ?
resolve a reference                  SPRM   +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
download an artifact                 SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
download evidence                    SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
download a report                    SR     +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
view a request                       SPRM   +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
find the request in a list           SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
find a finding in a list             SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
read the log of the model            SP     +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
read the policies                    SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
open one's own pages                 SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?

register a model                     SPRM   +  +  +  +  +  +   -  +  +   +   +  +  +   +  ?  ?
open the form of the model           SP     -  -  +  -  -  +   -  +  +   +   -  +  -   .  ?  ?
edit the model                       SPRM   -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?
change the model's risk tier         SPR    -  -  -  -  -  +   -  +  +   +   -  -  -   .  ?  ?
assess a model                       SPR    -  -  +  -  -  +   -  +  +   +   -  +  -   .  ?  ?
propose a less strict tier           SR     -  -  -  -  -  +   -  +  +   +   -  -  -   .  ?  ?
confirm a less strict tier           SP     -  -  -  +  +  -   -  +  -   -   +  +  +   .  ?  ?
read why a tier                      SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
read the reviews                     SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
record a review                      SP     -  -  -  +  +  -   -  -  -   -   +  +  +   .  ?  ?
read the questionnaire               SR     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
read the verification keys           SR     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
propose a questionnaire              SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
propose a verification key           SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
revoke a verification key            SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
archive a model                      SP     -  -  -  -  -  +   -  +  +   +   -  -  -   .  ?  ?
declare a version                    SR     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
ask where files go                   SR     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
upload an artifact                   SR     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
complete a version                   SR     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
add metrics                          SPR    -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
add a model card                     SPR    -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
add evidence                         SPR    -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
read sign-offs                       SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
sign off a document                  SPR    -  -  +  +  +  +   -  -  -   -   +  +  +   .  ?  ?
report production signals            SR     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
read production signals              SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
acknowledge a finding                SP     -  -  +  +  +  +   -  -  -   -   +  +  +   .  ?  ?
open a finding                       SPR    -  -  +  +  +  +   -  -  -   -   +  +  +   .  ?  ?
assign a finding                     SP     -  -  +  +  +  +   -  -  -   -   +  +  +   .  ?  ?
propose to close a finding           SP     -  -  +  +  +  +   -  -  -   -   +  +  +   .  ?  ?
reschedule a finding                 SP     -  -  -  +  +  -   -  -  -   -   +  +  -   .  ?  ?
return a proposed closure            SP     -  -  -  +  +  -   -  -  -   -   +  +  -   .  ?  ?
read waivers                         SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
waive a check                        SP     -  -  -  -  -  -   -  -  -   -   +  -  -   .  ?  ?
revoke a waiver                      SP     -  -  -  +  +  -   -  -  -   -   +  +  +   .  ?  ?
close a finding                      SP     -  -  -  +  +  -   -  -  -   -   +  +  -   .  ?  ?
write notes on a version             SPR    -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
report a check                       SR     -  -  -  -  -  -   -  -  -   -   -  -  -   .  ?  ?
register a version by its source     SM     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
describe a version                   SM     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
tag the model                        SM     -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?
tag a version                        SM     -  +  +  -  -  +   -  -  -   -   -  +  +   .  ?  ?
rename a model                       SM     -  -  -  -  -  +   -  -  -   -   -  -  -   .  ?  ?
delete a model                       SM     -  -  -  -  -  +   -  -  -   -   -  -  -   .  ?  ?
delete a version                     SM     -  -  -  -  -  +   -  -  -   -   -  -  -   .  ?  ?

ask for a promotion                  SPRM   -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?
ask to approve a version again       SPR    -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?
point a free alias                   SPRM   -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?
take an alias off                    SPRM   -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?
decide on a request                  SPRM   -  -  -  -  -  -   -  -  -   -   +  -  -   .  ?  ?
withdraw a request                   SPRM   -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?
execute a request                    SPR    -  -  +  -  -  +   -  -  -   -   -  +  -   .  ?  ?

read a discussion                    SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
comment on a request                 SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
comment on a version                 SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
edit another person's comment        SPR    -  -  -  -  -  -   -  -  -   -   -  -  -   .  ?  ?
withdraw another person's comment    SPR    -  -  -  -  -  -   -  -  -   -   -  -  -   .  ?  ?
resolve a thread                     SPR    -  -  +  +  +  +   -  -  -   -   +  +  +   .  ?  ?
reopen a thread                      SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   .  ?  ?
end another person's objection       SP     -  -  -  -  -  -   -  -  -   -   -  -  -   .  ?  ?

read others' rights on the model     SPR    -  -  -  -  -  +   +  +  +   +   -  -  -   .  ?  ?
give a role on the model             SPRA   -  -  -  -  -  +   -  -  +   +   -  -  -   .  ?  ?
take a role on the model             SPRA   -  -  -  -  -  +   -  -  +   +   -  -  -   .  ?  ?
ask for a role                       SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
list access requests                 SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
read what waits for oneself          SR     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
list one's delegations               SR     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
list one's notifications             SR     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
mark all notifications as read       SR     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
list everyone's deliveries           SPR    -  -  -  -  -  -   -  +  +   +   -  -  -   -  ?  ?
delegate one's decisions             SPR    -  -  -  -  -  -   -  -  -   -   +  +  +   -  ?  ?
read another person's delegation     SPR    .  .  .  .  .  .   +  +  .   .   .  .  .   .  ?  ?
revoke another person's delegation   SPA    .  .  .  .  .  .   -  +  .   .   .  .  .   .  ?  ?
view another person's access request SPR    .  .  .  .  .  +   +  +  +   +   .  .  .   .  ?  ?
grant an access request              SPR    .  .  .  .  .  +   -  -  +   +   .  .  .   .  ?  ?
deny an access request               SPR    .  .  .  .  .  +   -  -  +   +   .  .  .   .  ?  ?
withdraw others' access requests     SPR    .  .  .  .  .  -   -  -  -   -   .  .  .   .  ?  ?
give a role in the organisation      SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
give oneself a role                  SA     -  -  -  -  -  -   -  -  -   -   -  -  -   -  ?  ?

read the audit log                   SPRA   -  -  -  -  -  -   +  +  -   -   -  -  -   -  ?  ?
read an event of the organisation    SPR    .  .  .  .  .  .   +  +  .   .   .  .  .   .  ?  ?
enter the admin site                 SA     -  -  -  -  -  -   +  +  +   +   -  -  -   -  ?  ?

import advisories                    S      -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
propose a policy                     SPA    -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
protect an alias                     SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
propose to loosen an alias           SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
revise a policy                      SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
propose to confirm the set-up        SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
require two officers                 SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
list change proposals                SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
retire a policy                      SPA    -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
cancel a scheduled change            SPA    -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
replay a draft                       SP     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
view a replay                        SP     .  .  .  .  .  .   +  +  +   +   .  .  .   .  ?  ?
view a change proposal               SPR    .  .  .  .  .  .   +  +  +   +   .  .  .   .  ?  ?
confirm a change proposal            SP     .  .  .  .  .  .   -  +  -   -   .  .  .   .  ?  ?
reject a change proposal             SP     .  .  .  .  .  .   -  +  -   -   .  .  .   .  ?  ?
withdraw another's change proposal   SP     .  .  .  .  .  .   -  -  -   -   .  .  .   .  ?  ?
create a group                       SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
change a group                       SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
add a member                         SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
end a membership                     SA     -  -  -  -  -  -   -  +  -   -   -  -  -   -  ?  ?
read the webhooks                    SM     -  -  -  -  -  -   -  +  +   +   -  -  -   -  ?  ?
create a webhook                     SM     -  -  -  -  -  -   -  +  +   +   -  -  -   -  ?  ?
change a webhook                     SM     -  -  -  -  -  -   -  +  +   +   -  -  -   -  ?  ?
test a webhook                       SM     -  -  -  -  -  -   -  +  +   +   -  -  -   -  ?  ?
delete a webhook                     SM     -  -  -  -  -  -   -  +  +   +   -  -  -   -  ?  ?

open an account                      SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
change another person's record       SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
set another person's password        SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
issue another person's sign-in link  SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
unlock another person's signing      SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
reset another person's second factor SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
change one's second factor           SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
change one's passkeys                SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
deactivate an account                SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
reassign what an account owns        SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
reactivate an account                SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
set one's own password               SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?

issue a token for oneself            SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
issue a token for a service account  S      -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
record an owner of a service account SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
end an owner of a service account    SA     -  -  -  -  -  -   -  -  +   +   -  -  -   -  ?  ?
keep a view                          SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
change one's own view                SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
delete one's own view                SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
change another person's view         SP     .  .  .  .  .  .   .  .  .   .   .  .  .   .  ?  ?
open one's own notification          SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
open another person's notification   SP     .  .  .  .  .  .   .  .  .   .   .  .  .   .  ?  ?
mark one's notifications as read     SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
change one's notification settings   SPR    +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
add a notification channel           SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
remove another person's channel      SP     .  .  .  .  .  .   .  .  .   .   .  .  .   .  ?  ?
send another person's delivery again SP     .  .  .  .  .  .   .  +  +   +   .  .  .   .  ?  ?
revoke one's own token               SP     +  +  +  +  +  +   +  +  +   +   +  +  +   +  ?  ?
revoke another person's token        SA     .  .  .  .  .  .   .  .  +   +   .  .  .   .  ?  ?
"""

_TOKENS_MAY = """
                                     where  or ow ov op ox oa oz oh ot ob  vz az ah fz dz sz rz qz qp cz  xz  gz rk ex
view the model                       SRM    +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
find the model in a list             SRM    +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
view a version                       SRM    +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
simulate a promotion                 SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
simulate it under a draft            SR     -  -  -  -  -  -  -  -  .  -   -  -  -  +  -  -  -  -  -  -   .   ?  ?  ?
view a dataset                       SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
find the dataset in a list           SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
recall a dataset                     S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
resolve a reference                  SRM    +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
download an artifact                 SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
download evidence                    SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
download a report                    SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
view a request                       SRM    +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
find the request in a list           SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
find a finding in a list             SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
read the log of the model            S      +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
read the policies                    SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
open one's own pages                 SR     +  +  +  +  +  +  +  +  +  +   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?

register a model                     SRM    -  +  -  -  -  -  +  -  -  +   +  -  -  +  +  +  +  +  -  +   +   ?  ?  ?
edit the model                       SRM    -  +  -  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
change the model's risk tier         SR     -  -  -  -  -  -  -  .  .  -   -  -  .  -  -  -  -  -  -  -   .   ?  ?  ?
assess a model                       SR     -  +  -  -  -  -  +  .  .  +   -  -  .  -  -  -  -  +  -  -   .   ?  ?  ?
propose a less strict tier           SR     -  +  -  -  -  -  +  .  .  +   -  -  .  -  -  -  -  -  -  -   .   ?  ?  ?
confirm a less strict tier           S      -  -  -  -  -  -  -  .  .  .   -  -  .  -  -  -  -  -  -  -   .   ?  ?  ?
read why a tier                      SR     +  +  +  +  +  +  +  .  .  -   +  +  .  +  +  +  +  +  +  +   .   ?  ?  ?
read the reviews                     SR     +  +  +  +  +  +  +  .  .  -   +  +  .  +  +  +  +  +  +  +   .   ?  ?  ?
record a review                      S      -  -  -  -  -  -  -  .  .  -   -  -  .  -  -  -  -  -  -  -   .   ?  ?  ?
read the questionnaire               SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
read the verification keys           SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
propose a questionnaire              S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
propose a verification key           S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
revoke a verification key            S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
archive a model                      S      -  -  -  -  -  -  -  .  .  -   -  -  .  -  -  -  -  -  -  -   .   ?  ?  ?
declare a version                    SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
ask where files go                   SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
upload an artifact                   SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
complete a version                   SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
add metrics                          SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
add a model card                     SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
add evidence                         SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
read sign-offs                       SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
sign off a document                  SR     -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
report production signals            SR     -  -  -  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
read production signals              SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
acknowledge a finding                S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
open a finding                       SR     -  +  -  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
assign a finding                     S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
propose to close a finding           S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
reschedule a finding                 S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
return a proposed closure            S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
read waivers                         SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
waive a check                        S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
revoke a waiver                      S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
close a finding                      S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
write notes on a version             SR     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
report a check                       SR     -  -  -  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
register a version by its source     SM     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
describe a version                   SM     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
tag the model                        SM     -  +  -  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
tag a version                        SM     -  -  +  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
rename a model                       SM     -  +  -  -  -  -  +  .  .  +   -  -  .  -  -  -  -  -  -  -   .   ?  ?  ?
delete a model                       SM     -  +  -  -  -  -  +  .  .  +   -  -  .  -  -  -  -  -  -  -   .   ?  ?  ?
delete a version                     SM     -  +  -  -  -  -  +  +  .  +   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?

ask for a promotion                  SRM    -  -  -  +  -  -  +  +  .  +   -  -  -  -  -  -  -  +  +  +   .   ?  ?  ?
ask to approve a version again       SR     -  -  -  +  -  -  +  +  .  +   -  -  -  -  -  -  -  +  +  +   .   ?  ?  ?
point a free alias                   SRM    -  -  -  +  -  -  +  +  .  +   -  -  -  -  -  -  -  +  +  +   .   ?  ?  ?
take an alias off                    SRM    -  -  -  +  -  -  +  +  .  +   -  -  -  -  -  -  -  +  +  +   .   ?  ?  ?
decide on a request                  SRM    -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
withdraw a request                   SRM    -  -  -  -  -  -  +  +  .  -   -  -  -  -  -  -  -  +  +  +   .   ?  ?  ?
execute a request                    SR     -  -  -  -  -  -  +  +  .  +   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?

read a discussion                    SR     +  +  +  +  +  +  +  +  .  -   +  +  +  +  +  +  +  +  +  +   .   ?  ?  ?
comment on a request                 SR     -  -  -  -  -  -  +  +  .  -   +  +  +  +  +  +  +  +  -  +   .   ?  ?  ?
comment on a version                 SR     -  -  -  -  -  -  +  +  .  -   +  +  +  +  +  +  +  +  -  +   .   ?  ?  ?
edit another person's comment        SR     -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
withdraw another person's comment    SR     -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
resolve a thread                     SR     -  -  -  -  -  -  +  +  .  -   -  -  -  -  -  -  -  +  -  +   .   ?  ?  ?
reopen a thread                      SR     -  -  -  -  -  -  +  +  .  -   +  +  +  +  +  +  +  +  -  +   .   ?  ?  ?
end another person's objection       S      -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?

read others' rights on the model     SR     -  -  -  -  -  -  -  -  .  -   -  +  -  +  -  -  -  -  -  -   .   ?  ?  ?
give a role on the model             SR     -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
take a role on the model             SR     -  -  -  -  -  -  -  -  .  -   -  -  -  -  -  -  -  -  -  -   .   ?  ?  ?
ask for a role                       SR     +  +  +  +  +  +  +  -  -  -   +  +  -  +  +  +  +  +  +  -   +   ?  ?  ?
list access requests                 SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
read what waits for oneself          SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
list one's delegations               SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
list one's notifications             SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
mark all notifications as read       SR     -  -  -  -  -  -  +  +  +  +   +  +  +  +  +  +  +  +  -  +   +   ?  ?  ?
list everyone's deliveries           SR     -  -  -  -  -  -  -  -  -  -   -  -  -  +  +  +  -  -  -  -   -   ?  ?  ?
change one's notification settings   SR     -  -  -  -  -  -  +  +  +  +   +  +  +  +  +  +  +  +  -  -   +   ?  ?  ?
delegate one's decisions             SR     -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
read another person's delegation     SR     .  .  .  .  .  .  .  .  .  -   .  +  .  +  .  .  .  .  .  .   .   ?  ?  ?
revoke another person's delegation   S      .  .  .  .  .  .  .  .  .  .   .  -  .  -  .  .  .  .  .  .   .   ?  ?  ?
view another person's access request SR     .  .  .  .  .  .  .  .  .  -   .  +  .  +  .  .  .  .  .  .   .   ?  ?  ?
grant an access request              SR     .  .  .  .  .  .  .  .  .  -   .  -  .  -  .  .  .  .  .  .   .   ?  ?  ?
deny an access request               SR     .  .  .  .  .  .  .  .  .  -   .  -  .  -  .  .  .  .  .  .   .   ?  ?  ?
withdraw others' access requests     SR     .  .  .  .  .  .  .  .  .  -   .  -  .  -  .  .  .  .  .  .   .   ?  ?  ?
give a role in the organisation      S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
give oneself a role                  S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?

read the audit log                   SR     -  -  -  -  -  -  -  -  -  -   -  +  -  +  -  -  -  -  -  -   -   ?  ?  ?
read an event of the organisation    SR     .  .  .  .  .  .  .  .  .  .   .  +  .  +  .  .  .  .  .  .   .   ?  ?  ?

import advisories                    S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
propose a policy                     S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
protect an alias                     S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
propose to loosen an alias           S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
revise a policy                      S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
list change proposals                SR     +  +  +  +  +  +  +  +  +  -   +  +  +  +  +  +  +  +  +  +   +   ?  ?  ?
retire a policy                      S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
cancel a scheduled change            S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
replay a draft                       S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
view a replay                        S      .  .  .  .  .  .  .  .  .  .   .  +  .  +  .  .  .  .  .  .   .   ?  ?  ?
view a change proposal               SR     .  .  .  .  .  .  .  .  .  -   .  +  .  +  .  .  .  .  .  .   .   ?  ?  ?
confirm a change proposal            S      .  .  .  .  .  .  .  .  .  .   .  -  .  -  .  .  .  .  .  .   .   ?  ?  ?
reject a change proposal             S      .  .  .  .  .  .  .  .  .  .   .  -  .  -  .  .  .  .  .  .   .   ?  ?  ?
create a group                       S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
change a group                       S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
add a member                         S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
end a membership                     S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
read the webhooks                    SM     -  -  -  -  -  -  -  -  -  -   -  -  -  +  +  +  -  -  -  -   -   ?  ?  ?
create a webhook                     SM     -  -  -  -  -  -  -  -  -  -   -  -  -  +  +  +  -  -  -  -   -   ?  ?  ?
change a webhook                     SM     -  -  -  -  -  -  -  -  -  -   -  -  -  +  +  +  -  -  -  -   -   ?  ?  ?
test a webhook                       SM     -  -  -  -  -  -  -  -  -  -   -  -  -  +  +  +  -  -  -  -   -   ?  ?  ?
delete a webhook                     SM     -  -  -  -  -  -  -  -  -  -   -  -  -  +  +  +  -  -  -  -   -   ?  ?  ?

open an account                      S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
change another person's record       S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
set another person's password        S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
issue another person's sign-in link  S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
unlock another person's signing      S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
reset another person's second factor S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
change one's second factor           S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
change one's passkeys                S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
deactivate an account                S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
reassign what an account owns        S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
reactivate an account                S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
set one's own password               S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?

issue a token for oneself            S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
issue a token for a service account  S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
record an owner of a service account S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
end an owner of a service account    S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
revoke one's own token               S      -  -  -  -  -  -  -  -  -  -   -  -  -  -  -  -  -  -  -  -   -   ?  ?  ?
revoke another person's token        S      .  .  .  .  .  .  .  .  .  .   .  .  .  .  .  .  .  .  .  .   .   ?  ?  ?
"""


@dataclass(frozen=True)
class InterfaceException:
    """A interface that answers otherwise than the table, and why that is right."""

    interface: Interface
    actions: frozenset[str]
    actors: frozenset[str]
    verdict: ExpectedResult
    why: str


WRITES_OF_A_TOKEN = frozenset(
    {
        "edit the model",
        "assess a model",
        "propose a less strict tier",
        "declare a version",
        "ask where files go",
        "register a version by its source",
        "describe a version",
        "tag the model",
        "tag a version",
        "rename a model",
        "delete a model",
        "delete a version",
        "upload an artifact",
        "complete a version",
        "add metrics",
        "add a model card",
        "add evidence",
        "report production signals",
        "write notes on a version",
        "report a check",
        "open a finding",
        "ask for a promotion",
        "ask to approve a version again",
        "point a free alias",
        "take an alias off",
        "execute a request",
    }
)

DIFFERENCES = (
    InterfaceException(
        Interface.REST,
        WRITES_OF_A_TOKEN,
        frozenset({"ob"}),
        ExpectedResult.DENIED,
        "every answer shows what was written to, so the interface asks for models:read as well",
    ),
    InterfaceException(
        Interface.MLFLOW,
        WRITES_OF_A_TOKEN | {"register a model"},
        frozenset({"ob"}),
        ExpectedResult.DENIED,
        "the same",
    ),
    InterfaceException(
        Interface.REST,
        frozenset({"read an event of the organisation"}),
        frozenset(TOKENS) - {"az", "fz", "gz", "rk", "ex"},
        ExpectedResult.DENIED,
        "the interface has the log for its readers only and says so, whichever event is asked for",
    ),
    InterfaceException(
        Interface.ADMIN,
        frozenset({"revoke another person's token"}),
        frozenset({"au", "of"}),
        ExpectedResult.DENIED,
        "the admin site shows tokens to all who may open it, so there it is not hidden that there is one",
    ),
    InterfaceException(
        Interface.ADMIN,
        frozenset({"revoke another person's delegation"}),
        frozenset({"ad", "su"}),
        ExpectedResult.DENIED,
        "the same for delegations",
    ),
)


@dataclass(frozen=True)
class Row:
    """What the table says of an action: where it is offered, and what happens to whom."""

    action: str
    interfaces: frozenset[Interface]
    verdicts: dict[str, ExpectedResult]


def _read(text: str, actors: dict[str, str]) -> dict[str, Row]:
    lines = [line for line in text.splitlines() if line.strip()]
    start = lines[0].index("where")
    columns = lines[0][start:].split()[1:]
    assert columns == list(actors), "the heading names each actor once, in order"
    rows = {}
    for line in lines[1:]:
        action, (interfaces, *cells) = line[:start].strip(), line[start:].split()
        assert len(cells) == len(columns), f"{action}: a cell for each actor"
        assert action not in rows, f"{action} is there twice"
        rows[action] = Row(
            action, frozenset(map(Interface, interfaces)), dict(zip(columns, map(ExpectedResult, cells), strict=True))
        )
    return rows


PEOPLE_MAY = _read(_PEOPLE_MAY, PEOPLE)
TOKENS_MAY = _read(_TOKENS_MAY, TOKENS)
ACTIONS = tuple(PEOPLE_MAY)


def expected(interface: Interface, action: str, actor: str, *, token: bool = False) -> ExpectedResult:
    """What happens when that actor tries the action at that interface."""
    verdict = (TOKENS_MAY if token else PEOPLE_MAY)[action].verdicts[actor]
    if verdict is ExpectedResult.SIGN_IN:
        return verdict
    # The admin site is closed as a whole without an organisation-wide role.
    if (
        interface is Interface.ADMIN
        and PEOPLE_MAY["enter the admin site"].verdicts[actor] is not ExpectedResult.ALLOWED
    ):
        return ExpectedResult.DENIED
    for differs in DIFFERENCES:
        if differs.interface is interface and action in differs.actions and actor in differs.actors:
            return differs.verdict
    return verdict
