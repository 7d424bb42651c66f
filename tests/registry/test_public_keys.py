"""Public keys: accepted forms, refused keys, and what a pasted private key leads to."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from registry.public_keys import PublicKeyError, read_public_key

P256 = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS = [P256, ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP521R1()), ED]


@pytest.mark.parametrize("key", KEYS)
def test_each_form_of_a_key_has_the_same_id(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    der = base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    forms = [pem, f"\n{pem}\n", pem.replace("\n", "\r\n"), der, f"{ssh} signer@bank.example"]
    assert len({read_public_key(form) for form in forms}) == 1


def test_points_of_a_curve_in_compressed_form_have_the_same_id() -> None:
    public = P256.public_key()
    compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    header = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    again = read_public_key(base64.b64encode(header + compressed).decode())
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert again.key_id == read_public_key(pem).key_id


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH, "der"])
def test_private_keys_are_refused_and_not_repeated(key: ec.EllipticCurvePrivateKey, form: PrivateFormat | str) -> None:
    if form == PrivateFormat.TraditionalOpenSSL and key.__class__.__name__.startswith("Ed"):
        form = PrivateFormat.PKCS8
    if isinstance(form, PrivateFormat):
        text = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    else:
        text = base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    pasted = [text] if form == "der" else [text, text + public, public + text, text.replace("\n", " ")]
    for given_text in pasted:
        with pytest.raises(PublicKeyError) as caught:
            read_public_key(given_text)
        assert caught.value.code == "private_key"
        assert text[40:60] not in caught.value.detail
        assert "openssl pkey" in caught.value.detail


def test_an_encrypted_private_key_and_raw_bytes_are_refused() -> None:
    locked = P256.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )  # fmt: skip
    jwk = '{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}'
    for text in (base64.b64encode(locked).decode(), jwk):
        with pytest.raises(PublicKeyError, match="private key"):
            read_public_key(text)
    raw = base64.b64encode(ED.private_bytes_raw()).decode()
    with pytest.raises(PublicKeyError, match="could be a private key"):
        read_public_key(raw)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (rsa.generate_private_key(65537, 2048), "unsupported_key"),
        (ec.generate_private_key(ec.SECP256K1()), "unsupported_key"),
        (ed448.Ed448PrivateKey.generate(), "unsupported_key"),
        (dsa.generate_private_key(1024), "unsupported_key"),
    ],
)
def test_other_algorithms_are_refused(key: rsa.RSAPrivateKey, code: str) -> None:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(PublicKeyError) as caught:
        read_public_key(pem)
    assert caught.value.code == code


LOW = ["00" * 32, "01" + "00" * 31, "01" + "00" * 30 + "80", "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f",
       "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
       "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
       "f0" + "ff" * 30 + "7f"]  # fmt: skip


@pytest.mark.parametrize("point", LOW)
def test_weak_points_of_ed25519_are_refused(point: str) -> None:
    """Under the identity point the signature (R = identity, S = 0) verifies for every message."""
    der = bytes.fromhex("302a300506032b6570032100") + bytes.fromhex(point)
    with pytest.raises(PublicKeyError) as caught:
        read_public_key(base64.b64encode(der).decode())
    assert caught.value.code in {"weak_key", "not_a_key"}


def test_a_signature_counts_only_with_the_algorithm_of_the_key() -> None:
    pem = P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    public = read_public_key(pem)
    assert public.is_signature_of(P256.sign(b"m", ec.ECDSA(hashes.SHA256())), b"m")
    assert not public.is_signature_of(P256.sign(b"m", ec.ECDSA(hashes.SHA384())), b"m")
    assert not public.is_signature_of(ED.sign(b"m"), b"m")
    for empty in (b"", b"\x30\x06\x02\x01\x00\x02\x01\x00", b"\x00" * 64):
        assert not public.is_signature_of(empty, b"m")
        assert not read_public_key(
            ED.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        ).is_signature_of(empty, b"m")


@given(st.one_of(st.text(max_size=200), st.binary(max_size=120).map(lambda raw: base64.b64encode(raw).decode())))
def test_any_text_ends_in_a_key_or_the_named_error(text: str) -> None:
    for given_text in (text, f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----", f"ssh-ed25519 {text}"):
        with suppress(PublicKeyError):
            read_public_key(given_text)
