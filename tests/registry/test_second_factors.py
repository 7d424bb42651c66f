"""The second factor of an account, and the lock of signing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit import clock
from registry import totp
from registry.access import actor_for
from registry.exceptions import ConflictError, InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import SecondFactor, SigningLock, User
from registry.services import sealing, second_factors, sign_in, signing_locks
from tests import factories
from tests.factories import PASSWORD
from tests.personas import People

RFC_SECRET = b"12345678901234567890"


class Authenticator:
    """An authenticator app: the secret that it was given, and the code of a time."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def code(self, at: datetime | None = None) -> str:
        return totp.code_of(self.secret, totp.step_at(at or clock.now()))


def enrolled(person: User) -> tuple[Authenticator, tuple[str, ...]]:
    offered = second_factors.begin(person)
    app = Authenticator(offered.secret)
    with clock.freeze(clock.now() - timedelta(minutes=5)):
        code = app.code()
        codes = second_factors.enrol(actor=actor_for(person), person=person, ticket=offered.ticket, code=code)
    return app, codes


def refused(call: Callable[[], object], error: type[Exception]) -> str:
    with pytest.raises(error) as found:
        call()
    if isinstance(found.value, ValidationFailedError):
        return str(found.value.errors[0].code)
    return str(getattr(found.value, "code", ""))


def sign(person: User, secret: str) -> str:
    return sign_in.reauthenticate(person, secret, pointer="/password")


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
        (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, for SHA-1."""
    step = totp.step_at(datetime.fromtimestamp(seconds, UTC))
    assert totp.code_of(RFC_SECRET, step, digits=8) == code
    assert totp.code_of(RFC_SECRET, step) == code[2:]


def test_a_code_matches_one_step_around_now_and_only_after_the_last_one() -> None:
    now = datetime(2026, 12, 1, 12, 0, 10, tzinfo=UTC)
    step = totp.step_at(now)
    for other, expected in ((-2, None), (-1, step - 1), (0, step), (1, step + 1), (2, None)):
        assert totp.matching_step(RFC_SECRET, totp.code_of(RFC_SECRET, step + other), now, after=-1) == expected
    assert totp.matching_step(RFC_SECRET, totp.code_of(RFC_SECRET, step), now, after=step) is None
    for nonsense in ("", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666"):
        assert totp.matching_step(RFC_SECRET, nonsense, now, after=-1) is None


def test_a_password_and_a_code_are_divided() -> None:
    assert second_factors.divided("secret 9123456") == ("secret 9", "123456")
    assert second_factors.divided("secret 123 456") == ("secret", "123 456")
    assert second_factors.divided("secret12345-abcde-00000-fffff") == ("secret", "12345-abcde-00000-fffff")
    assert second_factors.divided("secret") == ("secret", "")


@pytest.mark.django_db
class TestSigning:
    """A signature with a second factor."""

    def test_the_password_is_followed_by_a_code_which_is_accepted_once(self, people: People) -> None:
        marta = people.marta
        assert sign(marta, PASSWORD) == "password"
        app, _ = enrolled(marta)
        assert refused(lambda: sign(marta, PASSWORD), ValidationFailedError) == "wrong_password"
        now = clock.now()
        with clock.freeze(now):
            code = app.code()
            assert refused(lambda: sign(marta, "wrong" + code), ValidationFailedError) == "wrong_password"
            assert sign(marta, f"{PASSWORD}{code}") == "password_totp"
            assert refused(lambda: sign(marta, f"{PASSWORD}{code}"), ValidationFailedError) == "wrong_password"
        with clock.freeze(now + timedelta(seconds=60)):
            assert sign(marta, f"{PASSWORD} {app.code()}") == "password_totp"

    def test_a_recovery_code_works_once(self, people: People) -> None:
        marta = people.marta
        _, codes = enrolled(marta)
        assert len(set(codes)) == second_factors.RECOVERY_CODES
        assert sign(marta, PASSWORD + codes[3]) == "recovery_code"
        assert refused(lambda: sign(marta, PASSWORD + codes[3]), ValidationFailedError) == "wrong_password"
        stored = SecondFactor.objects.get()
        assert len(stored.recovery_codes) == second_factors.RECOVERY_CODES - 1
        assert codes[0].replace("-", "") not in str(stored.recovery_codes)

    def test_the_secret_is_encrypted_and_readable_with_a_fallback_of_the_key_only(
        self, people: People, settings: Any
    ) -> None:
        marta = people.marta
        app, codes = enrolled(marta)
        assert app.secret not in bytes(SecondFactor.objects.get().secret)
        with pytest.raises(sealing.UnsealError):
            sealing.unseal(bytes(SecondFactor.objects.get().secret), purpose="second factor of another")
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "n" * 60
        assert sign(marta, PASSWORD + app.code()) == "password_totp"
        settings.SECRET_KEY_FALLBACKS = []
        wrong = refused(lambda: sign(marta, PASSWORD + codes[0]), InvalidStateError)
        assert wrong == "second_factor_unreadable"

    def test_an_installation_can_require_it(self, people: People, settings: Any) -> None:
        settings.COUNTERSIGN_REQUIRE_SECOND_FACTOR = True
        marta = people.marta
        assert refused(lambda: sign(marta, PASSWORD), PermissionDeniedError) == "second_factor_required"
        assert sign_in.reauthenticate(marta, PASSWORD, pointer="/password", signing=False) == "password"
        app, _ = enrolled(marta)
        assert sign(marta, PASSWORD + app.code()) == "password_totp"

    def test_the_database_accepts_no_earlier_step_and_no_new_recovery_code(self, people: People) -> None:
        enrolled(people.marta)
        for change in ({"last_step": 1}, {"recovery_codes": ["0" * 64]}):
            with pytest.raises(IntegrityError, match="accepted once"), transaction.atomic():
                SecondFactor.objects.update(**change)


@pytest.mark.django_db
class TestEnrolment:
    """Enrolment, removal and reset."""

    def test_only_the_person_enrols_with_a_code_and_in_time(self, people: People) -> None:
        marta, aiko = people.marta, people.aiko
        offered = second_factors.begin(marta)
        app = Authenticator(offered.secret)

        def enrol(by: User, of: User, code: str, ticket: str = offered.ticket) -> object:
            return second_factors.enrol(actor=actor_for(by), person=of, ticket=ticket, code=code)

        assert refused(lambda: enrol(aiko, marta, app.code()), PermissionDeniedError) == "person_required"
        assert refused(lambda: enrol(aiko, aiko, app.code()), InvalidStateError) == "enrolment_expired"
        assert refused(lambda: enrol(marta, marta, app.code(), "x"), InvalidStateError) == "enrolment_expired"
        assert refused(lambda: enrol(marta, marta, "000"), ValidationFailedError) == "wrong_code"
        assert not SecondFactor.objects.exists()
        enrol(marta, marta, app.code())
        assert refused(lambda: enrol(marta, marta, app.code()), ConflictError) == "already_enrolled"

    def test_an_administrator_resets_it_with_a_reason_and_not_their_own(self, people: People) -> None:
        marta, ada = people.marta, people.ada
        enrolled(marta)
        enrolled(ada)

        def reset(by: User, of: User, reason: str = "lost phone") -> None:
            second_factors.reset(actor=actor_for(by), person=of, reason=reason)

        assert refused(lambda: reset(people.eve, marta), PermissionDeniedError)
        assert refused(lambda: reset(ada, ada), PermissionDeniedError) == "own_account"
        assert refused(lambda: reset(ada, marta, ""), ValidationFailedError)
        reset(ada, marta)
        assert second_factors.current(marta) is None
        assert sign(marta, PASSWORD) == "password"
        assert refused(lambda: reset(ada, marta), InvalidStateError) == "no_second_factor"


@pytest.mark.django_db
class TestLock:
    """Repeated wrong passwords or codes."""

    def test_signing_is_locked_until_an_administrator_unlocks_it(self, people: People, settings: Any) -> None:
        marta, ada = people.marta, people.ada
        for _ in range(settings.COUNTERSIGN_SIGNING_ATTEMPTS - 1):
            refused(lambda: sign(marta, "wrong"), ValidationFailedError)
        assert sign(marta, PASSWORD) == "password", "a correct one ends the count"
        for _ in range(settings.COUNTERSIGN_SIGNING_ATTEMPTS):
            refused(lambda: sign(marta, "wrong"), ValidationFailedError)
        assert refused(lambda: sign(marta, PASSWORD), PermissionDeniedError) == "signing_locked"
        with clock.freeze(clock.now() + timedelta(days=1)):
            assert refused(lambda: sign(marta, PASSWORD), PermissionDeniedError) == "signing_locked"
        assert signing_locks.locked_accounts() == 1
        assert SigningLock.objects.get().failures == settings.COUNTERSIGN_SIGNING_ATTEMPTS

        def unlock(by: User, reason: str = "it was a typing error") -> None:
            signing_locks.unlock(actor=actor_for(by), person=marta, reason=reason)

        assert refused(lambda: unlock(people.eve), PermissionDeniedError)
        assert refused(lambda: unlock(ada, ""), ValidationFailedError)
        unlock(ada)
        assert refused(lambda: unlock(ada), InvalidStateError) == "not_locked"
        assert sign(marta, PASSWORD) == "password"

    def test_wrong_codes_count_as_wrong_passwords_do(self, people: People, settings: Any) -> None:
        marta = people.marta
        enrolled(marta)
        for _ in range(settings.COUNTERSIGN_SIGNING_ATTEMPTS):
            refused(lambda: sign(marta, f"{PASSWORD}000000"), ValidationFailedError)
        assert refused(lambda: sign(marta, f"{PASSWORD}000000"), PermissionDeniedError) == "signing_locked"

    def test_an_administrator_does_not_unlock_their_own_account(self, people: People) -> None:
        ada = people.ada
        refusal = refused(
            lambda: signing_locks.unlock(actor=actor_for(ada), person=ada, reason="me"), PermissionDeniedError
        )
        assert refusal == "own_account"
        assert factories.PASSWORD
