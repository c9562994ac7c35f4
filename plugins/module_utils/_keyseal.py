# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Key pairs and sealed parcels, no files. Needs python3-cryptography.

A parcel carries private keys from one sender to another through the controller, which cannot open it: AES-256-GCM
under a fresh key that only the recipient's RSA exchange key can unwrap, bound to the names of both hosts.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._rsa import numbers, signs

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    AVAILABLE = False
else:
    AVAILABLE = True


class KeyFailure(Exception):  # noqa: N818
    """One sentence with cause and remedy."""


def require() -> None:
    """Reading works without the library; everything else begins with this."""
    if not AVAILABLE:
        raise KeyFailure("python3-cryptography is not installed on this sender. Install it and run again.")


def pace() -> int:
    """How many keys this host makes in a second, more or less: OpenSSL 3.0 takes 0.14 s for one, 3.5 takes 0.025 s."""
    return (os.cpu_count() or 1) * (40 if ssl.OPENSSL_VERSION_INFO >= (3, 5) else 7)


def make_pair(bits: int) -> tuple[bytes, str]:
    """Make an RSA key: PKCS#8 PEM without a passphrase, the form that rspamd reads, and the public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, _rsa_public(key.public_key())


def make_ed25519() -> tuple[bytes, str]:
    """Make an Ed25519 key: its 32 bytes in base64, the form that rspamd reads, and the public half (RFC 8463)."""
    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return base64.b64encode(raw), _ed25519_public(key)


def public_of(private: bytes) -> str:
    """Return the public half as DNS publishes it, the value of p=, of a key that signs."""
    if private.startswith(b"-----BEGIN"):
        key = numbers(private)
        if not signs(key):
            raise ValueError("is damaged: what it signs is not valid")
        return _rsa_public(rsa.RSAPublicNumbers(key.e, key.n).public_key())
    try:
        return _ed25519_public(Ed25519PrivateKey.from_private_bytes(base64.b64decode(private, validate=True)))
    except ValueError:
        raise ValueError("is no private key") from None


def _ed25519_public(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode("ascii")


def _load(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


def _rsa_public(key: rsa.RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode("ascii")


def _oaep() -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def _names(sender: str, recipient: str) -> bytes:
    return json.dumps(["mailfleet-dkim-1", sender, recipient]).encode()


def seal(payload: Any, exchange_public: str, sender: str, recipient: str) -> str:
    """Seal a JSON payload for C(recipient), whose exchange key is C(exchange_public) (base64 of its DER)."""
    try:
        public = serialization.load_der_public_key(base64.b64decode(exchange_public, validate=True))
    except ValueError:
        public = None
    if not isinstance(public, rsa.RSAPublicKey):
        raise KeyFailure(
            f"the exchange key that {recipient} reported is no RSA key, so nothing can be sealed for it. "
            f"Remove exchange.private and exchange.public on {recipient} and run again."
        )
    secret, nonce = AESGCM.generate_key(bit_length=256), os.urandom(12)
    body = AESGCM(secret).encrypt(nonce, json.dumps(payload).encode(), _names(sender, recipient))
    parts = (public.encrypt(secret, _oaep()), nonce, body)
    return ".".join(base64.b64encode(part).decode("ascii") for part in parts)


def unseal(parcel: str, exchange_private: bytes, sender: str, recipient: str) -> Any:
    """Open a parcel that C(sender) sealed for this host."""
    try:
        wrapped, nonce, body = (base64.b64decode(part, validate=True) for part in parcel.split("."))
        secret = _load(exchange_private).decrypt(wrapped, _oaep())
        return json.loads(AESGCM(secret).decrypt(nonce, body, _names(sender, recipient)))
    except (ValueError, InvalidTag):
        raise KeyFailure(
            f"the keys from {sender} cannot be opened on {recipient}: they are damaged, or sealed for another exchange "
            "key. Run again."
        ) from None
