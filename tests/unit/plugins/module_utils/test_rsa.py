# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from ansible_collections.mailfleet.mta.plugins.module_utils._rsa import Numbers, numbers, signs

KEY = rsa.generate_private_key(65537, 1024)
OTHER = rsa.generate_private_key(65537, 1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    by: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, by or NoEncryption())


def library(key: rsa.RSAPrivateKey) -> Numbers:
    own = key.private_numbers()
    public = own.public_numbers
    return Numbers(public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("bits", [1024, 2048, 3072])
def test_numbers_are_those_that_the_library_reads(form: PrivateFormat, bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    assert numbers(pem(key, form)) == library(key)
    assert signs(numbers(pem(key, form)))


@pytest.mark.parametrize("part", [name for name in Numbers._fields if name != "d"])
def test_every_number_that_signers_use_must_fit(part: str) -> None:
    good = library(KEY)
    assert not signs(good._replace(**{part: getattr(library(OTHER), part) if part != "e" else 3}))
    assert not signs(good._replace(**{part: getattr(good, part) ^ 1 << 9}))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\n", b"-----BEGIN PRIVATE KEY-----\n", pem(CURVE), pem(CURVE, PrivateFormat.TraditionalOpenSSL),
        pem(KEY, by=BestAvailableEncryption(b"x")),
        pem(KEY, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")),
        pem(KEY)[:300] + b"\n-----END PRIVATE KEY-----\n", pem(KEY).replace(b"A", b"*"),
        pem(KEY)[:-8], pem(KEY).replace(b"END PRIVATE", b"END RSA PRIVATE"),
        pem(KEY).rsplit(b"-----END", 1)[0] + b"x\n",
        pem(KEY).replace(b"KEY-----\n", b"KEY-----x\n"), pem(KEY).replace(b"\n", b"\n\n"),
        pem(KEY).replace(b"\n", b"\n "),
    ],
)  # fmt: skip
def test_what_is_no_rsa_key(text: bytes) -> None:
    with pytest.raises(ValueError, match="is no RSA key without passphrase"):
        numbers(text)


@pytest.mark.parametrize("text", [pem(KEY) + b"of 2026\n", pem(KEY).replace(b"\n", b"\r\n"), pem(KEY).rstrip()])
def test_what_openssl_reads_is_read(text: bytes) -> None:
    assert numbers(text) == library(KEY)


def test_a_key_that_receivers_ignore_is_refused() -> None:
    # Only the first number is looked at, and no library makes a key this small any more.
    small = KEY.private_numbers()
    own = (1 << 511) + 1, 3, small.d, small.p, small.q, small.dmp1, small.dmq1, small.iqmp
    body = b"".join(_element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in (0, *own))
    text = base64.encodebytes(_element(0x30, body))
    with pytest.raises(ValueError, match="is an RSA key of 512 bits, and receivers ignore those below 1024"):
        numbers(b"-----BEGIN RSA PRIVATE KEY-----\n" + text + b"-----END RSA PRIVATE KEY-----\n")


def _element(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content
