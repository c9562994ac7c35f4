# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""How long a published DKIM key is. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import DkimKey

_ED25519_BYTES = 32
_INTEGER, _BITS, _SEQUENCE = 0x02, 0x03, 0x30


@lru_cache(maxsize=4096)
def key_bits(key: DkimKey) -> int:
    """The length of the key. Raises ValueError when it is no key of its type."""
    try:
        data = base64.b64decode(key.public_key, validate=True)
    except ValueError:
        raise ValueError("tag p is not base64") from None
    if key.key_type == "ed25519":
        if len(data) != _ED25519_BYTES:
            raise ValueError(f"an ed25519 key has {_ED25519_BYTES} bytes, not {len(data)}")
        return 8 * len(data)
    if key.key_type != "rsa":
        raise ValueError(f"key type '{key.key_type}' is unknown")
    try:
        return _modulus(data).bit_length()
    except (IndexError, ValueError):
        raise ValueError("tag p holds no RSA public key") from None


def _modulus(data: bytes) -> int:
    """From SubjectPublicKeyInfo (RFC 5280), or the bare RSAPublicKey that RFC 6376 names and few publish."""
    inner = _of(data, _SEQUENCE)
    if inner[0] == _SEQUENCE:
        bits = _of(_after(inner), _BITS)
        inner = _of(bits[1:], _SEQUENCE)
    return int.from_bytes(_of(inner, _INTEGER), "big")


def _of(data: bytes, tag: int) -> bytes:
    start, end = _extent(data)
    if data[0] != tag or end > len(data):
        raise ValueError("unexpected DER")
    return data[start:end]


def _after(data: bytes) -> bytes:
    return data[_extent(data)[1] :]


def _extent(data: bytes) -> tuple[int, int]:
    length, start = data[1], 2
    if length > 127:
        start += length - 128
        length = int.from_bytes(data[2:start], "big")
    return start, start + length
