"""Time-based one-time passwords with the parameters that authenticator apps support. Pure.

Source: RFC 6238 (TOTP) over RFC 4226 (HOTP): HMAC-SHA-1, steps of 30 seconds from the Unix epoch, six digits.
"""

import base64
import hmac
from datetime import datetime
from urllib.parse import quote

STEP = 30
"""Seconds in a step."""
DIGITS = 6
SECRET_BYTES = 20
"""RFC 4226, section 4, R6 recommends 160 bits."""
TOLERANCE = 1
"""Steps before and after the present one that are accepted, for clocks that differ. Source: RFC 6238, section 5.2."""


def step_at(moment: datetime) -> int:
    """Return the number of the step that contains a moment."""
    return int(moment.timestamp()) // STEP


def code_of(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """Return the code of a step.

    Args:
        secret: the shared secret.
        step: number of the step since the epoch.
        digits: length of the code.

    Source: RFC 4226, section 5.3 (dynamic truncation).
    """
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, code: str, moment: datetime, *, after: int) -> int | None:
    """Return the step whose code this is; None if there is none within the tolerance.

    Args:
        secret: the shared secret.
        code: what the person entered; spaces are ignored.
        moment: the present time.
        after: the last step whose code was accepted: this one and earlier ones are not accepted again.
    """
    entered = "".join(code.split())
    if len(entered) != DIGITS or not entered.isascii() or not entered.isdecimal():
        return None
    now = step_at(moment)
    found = None
    for step in range(now - TOLERANCE, now + TOLERANCE + 1):
        # Every step is compared, so that the time does not depend on which one matches.
        if hmac.compare_digest(code_of(secret, step), entered) and step > after and found is None:
            found = step
    return found


def as_base32(secret: bytes) -> str:
    """Return the secret as authenticator apps accept it when it is typed, in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[n : n + 4] for n in range(0, len(text), 4))


def provisioning_address(secret: bytes, *, account: str, issuer: str) -> str:
    """Return the `otpauth:` address that an authenticator app opens.

    Args:
        secret: the shared secret.
        account: the user name.
        issuer: the name of the installation.
    """
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    plain = as_base32(secret).replace(" ", "")
    return f"otpauth://totp/{label}?secret={plain}&issuer={quote(issuer, safe='')}&digits={DIGITS}&period={STEP}"
