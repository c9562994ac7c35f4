# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The numbers of an RSA key (RFC 8017), and whether they sign. Pure.

A library that opens a private key tests its primes each time, which for the keys of 500 domains takes half a minute on
Debian 12. To know which public half belongs to a private one it is enough to read it, and to know that mail signed with
it is valid, to sign with it and to check that with the public half.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator
from typing import NamedTuple

_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
_LEAST = 1024  # bits of a key that receivers look at: RFC 8301, 3.2
# As OpenSSL reads it, which signs: nothing but base64 between the two lines, and whatever behind them.
_PEM = re.compile(
    rb"^-----BEGIN ((?:RSA )?PRIVATE KEY)-----[ \t\r]*\n((?:[A-Za-z0-9+/=]+[ \t\r]*\n)+)-----END \1-----[ \t\r]*$",
    re.MULTILINE,
)


class Numbers(NamedTuple):
    """As in RSAPrivateKey of RFC 8017, A.1.2."""

    n: int
    e: int
    d: int
    p: int
    q: int
    dp: int
    dq: int
    inverse: int


def numbers(pem: bytes) -> Numbers:
    """Of a private key without passphrase, in PKCS#8 or PKCS#1."""
    try:
        key = Numbers(*_positive(pem))
    except (IndexError, StopIteration, TypeError, ValueError):
        raise ValueError("is no RSA key without passphrase") from None
    if key.n.bit_length() < _LEAST:
        raise ValueError(f"is an RSA key of {key.n.bit_length()} bits, and receivers ignore those below {_LEAST}")
    return key


def _positive(pem: bytes) -> list[int]:
    """The numbers after the version."""
    block = _PEM.search(pem)
    if block is None:
        raise ValueError("no block of a private key")
    parts = _sequence(base64.b64decode(b"".join(block[2].split()), validate=True))
    if block[1] == b"PRIVATE KEY":
        parts = _sequence(next(content for tag, content in parts if tag == _OCTETS))
    found = [int.from_bytes(content, "big") for tag, content in parts if tag == _INTEGER]
    return [number for number in found[1:9] if number]


def _sequence(der: bytes) -> list[tuple[int, bytes]]:
    (tag, content), *_rest = _elements(der)
    return list(_elements(content)) if tag == _SEQUENCE else []


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size > 0x80:  # that many octets say how long it is
            size, at = int.from_bytes(der[at : at + size - 0x80], "big"), at + size - 0x80
        yield tag, der[at : at + size]
        at += size


def signs(key: Numbers) -> bool:
    """Whether a signature made with the private numbers, as signers make it (RFC 8017, 5.2.1), is valid."""
    message = secrets.randbelow(key.n)
    one, two = pow(message, key.dp, key.p), pow(message, key.dq, key.q)
    signature = two + key.q * (key.inverse * (one - two) % key.p)
    return pow(signature, key.e, key.n) == message
