"""The forms of keys, tokens and passwords, recognised in bytes. Pure, and of linear time.

Every pattern begins at a literal that is searched for first, and every repetition has a maximum, so that no text makes
the search slow. Sources: the documentation of each provider, and the rules of gitleaks and GitHub secret scanning.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
import string
import zlib
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

REACH = 6_000
"""Maximum number of bytes of a match, and of what is read before it."""

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


@dataclass(frozen=True)
class Secret:
    """A secret in a text: its kind, its place in the bytes, and what may be shown of it.

    `shown` is the constant beginning of the form; `digest` the first digits of the SHA-256, empty for a password, which
    could be guessed from it.
    """

    code: str
    kind: str
    start: int
    length: int
    shown: str = ""
    digest: str = ""


@dataclass(frozen=True)
class _Form:
    """A token of a provider: the literal it begins with, the pattern from there, and what is verified of a match."""

    code: str
    kind: str
    literal: bytes
    pattern: re.Pattern[bytes]
    verify: Callable[[bytes], bool] = lambda _: True


def checksum(random: bytes) -> bytes:
    """Return the checksum of GitHub, npm and Countersign tokens: the CRC-32 in base 62, six characters."""
    number, digits = zlib.crc32(random), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.encode()


def _has_checksum(token: bytes) -> bool:
    return checksum(token[3:-6]) == token[-6:]


def _is_jwt(token: bytes) -> bool:
    header = token.partition(b".")[0]
    try:
        return b'"alg"' in base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4))
    except (binascii.Error, ValueError):
        return False


def _form(code: str, kind: str, literal: bytes, pattern: bytes, verify: Callable[[bytes], bool] | None = None) -> _Form:
    # Possessive, so that a match that is longer than the form ends at once.
    possessive = re.sub(rb"\](\{\d+,\d+\})", rb"]\1+", pattern)
    compiled = re.compile(possessive + rb"(?![A-Za-z0-9_])")
    return _Form(code, kind, literal, compiled, verify or (lambda _: True))


_FORMS = (
    *(_form("aws_key", "AWS access key", head, head + rb"[A-Z2-7]{16}") for head in (b"AKIA", b"ASIA")),
    *(
        _form("github_token", "GitHub token", head, head + rb"[A-Za-z0-9]{36}")
        for head in (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")
    ),
    _form("github_token", "GitHub token", b"github_pat_", rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    *(
        _form("gitlab_token", "GitLab token", head, head + rb"[A-Za-z0-9_.-]{20,300}")
        for head in (b"glpat-", b"gldt-", b"glrt-", b"glptt-", b"glcbt-", b"gloas-")
    ),
    *(
        _form("slack_token", "Slack token", b"xox" + kind, rb"xox" + kind + rb"-[A-Za-z0-9-]{20,250}")
        for kind in (b"a", b"b", b"e", b"o", b"p", b"r", b"s")
    ),
    _form("slack_token", "Slack token", b"xapp-", rb"xapp-\d-[A-Za-z0-9-]{20,250}"),
    _form(
        "slack_webhook", "address of a Slack webhook", b"hooks.slack.com/services/",
        rb"hooks\.slack\.com/services/T[A-Z0-9]{6,20}/B[A-Z0-9]{6,20}/[A-Za-z0-9]{16,48}",
    ),
    _form("google_key", "Google API key", b"AIza", rb"AIza[A-Za-z0-9_-]{35}"),
    _form("google_key", "Google client secret", b"GOCSPX-", rb"GOCSPX-[A-Za-z0-9_-]{28}"),
    _form("google_key", "Google access token", b"ya29.", rb"ya29\.[A-Za-z0-9_-]{20,2000}"),
    _form("azure_key", "Azure storage key", b"AccountKey=", rb"AccountKey=[A-Za-z0-9+/]{86}=="),
    _form("azure_key", "Azure shared access signature", b"sig=", rb"sig=[A-Za-z0-9%+/]{40,80}(?:%3D|=)"),
    _form("azure_key", "Azure DevOps token", b"AZDO", rb"AZDO[A-Za-z0-9]{4}"),
    _form("azure_key", "Azure client secret", b"Q~", rb"Q~[A-Za-z0-9_~.-]{31,34}"),
    *(
        _form("openai_key", "OpenAI key", head, head + rb"[A-Za-z0-9_-]{20,300}")
        for head in (b"sk-proj-", b"sk-svcacct-", b"sk-admin-")
    ),
    _form("openai_key", "OpenAI key", b"T3BlbkFJ", rb"T3BlbkFJ[A-Za-z0-9]{20}"),
    _form("anthropic_key", "Anthropic key", b"sk-ant-", rb"sk-ant-[a-z0-9]{2,10}-[A-Za-z0-9_-]{40,200}"),
    _form("hugging_face_token", "Hugging Face token", b"hf_", rb"hf_[A-Za-z]{34}"),
    _form("hugging_face_token", "Hugging Face token", b"api_org_", rb"api_org_[A-Za-z]{34}"),
    _form("pypi_token", "PyPI token", b"pypi-AgE", rb"pypi-AgE[A-Za-z0-9_-]{50,500}"),
    _form("npm_token", "npm token", b"npm_", rb"npm_[A-Za-z0-9]{36}"),
    *(
        _form("stripe_key", "Stripe key", head, head + rb"[A-Za-z0-9]{16,250}")
        for head in (b"sk_live_", b"rk_live_", b"sk_test_", b"rk_test_")
    ),
    _form("stripe_key", "Stripe webhook secret", b"whsec_", rb"whsec_[A-Za-z0-9+/]{32,100}"),
    _form("sendgrid_key", "SendGrid key", b"SG.", rb"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _form("databricks_token", "Databricks token", b"dapi", rb"dapi[0-9a-f]{32}(?:-\d)?"),
    _form("vault_token", "HashiCorp Vault token", b"hvs.", rb"hvs\.[A-Za-z0-9_-]{24,200}"),
    _form("jwt", "signed token (JWT)", b"eyJ", rb"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,3000}\.[\w-]{16,700}", _is_jwt),
    _form("countersign_token", "Countersign token", b"cs_", rb"cs_[A-Za-z0-9]{46}", _has_checksum),
    _form(
        "private_key", "private key", b"-----BEGIN ",
        rb"-----BEGIN (?:[A-Z0-9]{2,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s|[\"',]){1,12}"
        rb"[A-Za-z0-9+/=:, -]{24,4000}",
    ),
    _form("private_key", "age key", b"AGE-SECRET-KEY-1", rb"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
)  # fmt: skip
_BEFORE = {b"AZDO": re.compile(rb"[A-Za-z0-9]{76}"), b"Q~": re.compile(rb"[A-Za-z0-9_~.-]{3}\d"),
           b"T3BlbkFJ": re.compile(rb"[A-Za-z0-9_-]{20}")}  # fmt: skip
"""What precedes the literal of a form that has its literal in the middle; of fixed length."""
_LENGTH_BEFORE = {b"AZDO": 76, b"Q~": 4, b"T3BlbkFJ": 20}

_KEYWORDS = (
    b"password", b"passwd", b"passphrase", b"pwd", b"secret", b"token", b"apikey", b"api_key", b"api-key",
    b"access_key", b"accesskey", b"private_key", b"signing_key", b"encryption_key", b"account_key", b"wandb_key",
    b"credential",
)  # fmt: skip
_ASSIGNED = re.compile(
    rb"[A-Za-z0-9_-]{0,24}[\"'\\]{0,3}\s{0,4}(?:=>|:=|==?|:)\s{0,4}"
    rb"(?:[bru]{0,2}[\"'\\]{1,3}([^\s\"'\\]{6,200})|([^\s\"'\\,;{}()\[\]<>|&#]{8,200}))"
)
_NAME_BEFORE = re.compile(rb"[A-Za-z0-9_.-]{0,40}\Z")
_NETRC = re.compile(rb"machine\s{1,4}\S{1,200}\s{1,4}login\s{1,4}\S{1,200}\s{1,4}password\s{1,4}(\S{1,200})")
_URL_PASSWORD = re.compile(rb"://[^\s/:@\"'<>{}$]{0,100}:([^\s/@\"'<>]{1,200})@[A-Za-z0-9\[]")
_NOT_SECRET = re.compile(
    rb"(?i)sha\d|md5|hash|digest|checksum|fingerprint|public|_?(?:name|path|file|url|uri|type|class|id|ids|length|count"
    rb"|size|limit|expiry|index|field|policy|header|ref|arn|manager|version)\Z|tokeniz|(?:pad|bos|eos|unk|cls|sep|mask"
    rb"|special|image|num|max|min)_?token"
)
"""Names that contain a word of secrets and hold none: token_type, password_file, secret_name, pad_token."""
_PLACEHOLDER = re.compile(
    rb"(?i)example|placeholder|change.?me|your|xxxx|dummy|redacted|insert|replace|todo|secret.?here|goes.?here|sample"
    rb"|\*\*\*|\.\.\.|\xe2\x80\xa6|<[^>]{0,80}>|\$\{|\$\(|\{\w|\{\{|%\(|^\$|^%\w{1,80}%$|getenv|environ|process\.env|^(?:null|none|true|false"
    rb"|undefined|password|passwd|pass|secret|token|postgres|root|admin|user|guest|test|testing|foobar|hunter2)\d{0,4}$"
)
_WORDS = re.compile(rb"[A-Za-z]{1,24}\d{0,3}(?:[-_. /:][A-Za-z]{0,24}\d{0,4}){0,12}")
"""Names of variables, paths and versions, which are written where a value is not."""
_REST_OF_NAME = re.compile(rb"[A-Za-z0-9_-]{0,24}")
_MIN_DISTINCT = 6
_MIN_ENTROPY = 3.3
"""Bits a character below which a long value is not random; 16 random hexadecimal digits mostly have more."""
_LONG = 16


def find_secrets(text: bytes, *, names: bool = True) -> Iterator[Secret]:
    """Yield the secrets in a text, each place once, tokens of providers first.

    Args:
        text: bytes of an encoding that contains ASCII.
        names: whether values that are assigned to names of secrets are judged by their entropy.
    """
    taken: list[tuple[int, int]] = []
    for secret in (*_tokens(text), *_url_passwords(text), *(_assigned(text) if names else ())):
        end = secret.start + secret.length
        at = bisect(taken, (secret.start, end))
        if any(start < end and secret.start < stop for start, stop in taken[max(0, at - 1) : at + 1]):
            continue
        taken.insert(at, (secret.start, end))
        yield secret


def is_placeholder(value: bytes) -> bool:
    """Return whether a value is written in the place of a secret: a word, a variable, or few different characters."""
    return len(set(value)) < _MIN_DISTINCT or _PLACEHOLDER.search(value) is not None or _is_sequence(value)


def entropy(value: bytes) -> float:
    """Return the entropy of the characters of a value, in bits a character."""
    counts, total = Counter(value), len(value)
    return -sum(n / total * math.log2(n / total) for n in counts.values())


def _places(text: bytes, literal: bytes) -> Iterator[int]:
    at = text.find(literal)
    while at >= 0:
        yield at
        at = text.find(literal, at + len(literal))


def _tokens(text: bytes) -> Iterator[Secret]:
    for form in _FORMS:
        before = _BEFORE.get(form.literal)
        for at in _places(text, form.literal):
            start = at
            if before is not None:
                start = at - _LENGTH_BEFORE[form.literal]
                if start < 0 or before.fullmatch(text, start, at) is None:
                    continue
            elif at > 0 and (text[at - 1 : at].isalnum() or text[at - 1 : at] == b"_") and form.literal[:1].isalnum():
                continue
            found = form.pattern.match(text, at)
            if found is None or not form.verify(found[0]):
                continue
            value = text[start : found.end()]
            body = value if before is not None else value[len(form.literal) :]
            if form.code != "private_key" and is_placeholder(body):
                continue
            shown = "" if before is not None else form.literal.decode()
            yield Secret(form.code, form.kind, start, len(value), shown, hashlib.sha256(value).hexdigest()[:8])


def _url_passwords(text: bytes) -> Iterator[Secret]:
    for at in _places(text, b"://"):
        found = _URL_PASSWORD.match(text, at)
        if found is not None and not is_password_placeholder(found[1]):
            yield Secret("password_in_url", "password in an address", found.start(1), len(found[1]))
    if b"machine" in text:
        for at in _places(text, b"machine"):
            entry = _NETRC.match(text, at)
            if entry is not None and not is_password_placeholder(entry[1]):
                yield Secret("password", "password of a netrc entry", entry.start(1), len(entry[1]))


def is_password_placeholder(value: bytes) -> bool:
    """Return whether the text in the place of a password is none. A short password is one, `password` is not."""
    return len(set(value)) < 3 or _PLACEHOLDER.search(value) is not None


def _assigned(text: bytes) -> Iterator[Secret]:
    lower = text.lower()
    for keyword in _KEYWORDS:
        for at in _places(lower, keyword):
            found = _ASSIGNED.match(text, at + len(keyword))
            if found is None:
                continue
            before, rest = _NAME_BEFORE.search(text, max(0, at - 40), at), _REST_OF_NAME.match(text, at)
            name = (before[0] if before else b"") + (rest[0] if rest else b"")
            value = found[1] or found[2]
            if _NOT_SECRET.search(name) is None and _is_secret_value(value, found[1] is not None, keyword):
                kind = f"value of {name.decode('ascii', 'replace')[-60:]}"
                yield Secret("secret_value", kind, found.start(1 if found[1] else 2), len(value))


def _is_secret_value(value: bytes, quoted: bool, keyword: bytes) -> bool:
    if is_placeholder(value) or _WORDS.fullmatch(value) is not None:
        return False
    has_digit = any(48 <= c <= 57 for c in value)
    has_letter = any(65 <= c <= 90 or 97 <= c <= 122 for c in value)
    if len(value) >= _LONG:
        # Without a digit it is a name or a path rather than a random value.
        return has_digit and has_letter and entropy(value) >= _MIN_ENTROPY and value.count(b"/") < 4
    if not quoted or keyword not in (b"password", b"passwd", b"passphrase", b"pwd"):
        return False
    classes = sum((has_digit, any(65 <= c <= 90 for c in value), any(97 <= c <= 122 for c in value)))
    return classes + (not value.isalnum()) >= 3


def _is_sequence(value: bytes) -> bool:
    """Return whether most characters follow the one before them, as in 0123456789abcdef."""
    steps = sum(1 for one, other in pairwise(value) if other - one == 1)
    return steps * 3 >= len(value) * 2
