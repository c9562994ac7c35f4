# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Key pairs and sealed parcels, no files (needs python3-cryptography; this module util is PRIVATE to the collection).

A parcel carries private keys from one sender to another through the controller, which cannot open it: AES-256-GCM
under a fresh key that only the recipient's RSA exchange key can unwrap, bound to the names of both hosts.
"""

from __future__ import annotations

import base64
import json
import os
import traceback
import typing as t

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None


class SealError(Exception):
    """The parcel is damaged, or was sealed for another host or another exchange key."""


def make_private(bits: int) -> bytes:
    """Make an RSA key; PKCS#8 PEM without a passphrase, the form that rspamd reads."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_private(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


def public_of(pem: bytes) -> str:
    """Return the public half as DNS publishes it (the value of p=)."""
    der = (
        _load_private(pem)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode("ascii")


def _oaep() -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def _aad(sender: str, recipient: str) -> bytes:
    return json.dumps(["mailfleet-dkim-1", sender, recipient]).encode()


def seal(payload: t.Any, exchange_public: str, sender: str, recipient: str) -> str:
    """Seal a JSON payload for C(recipient), whose exchange key is C(exchange_public) (base64 DER)."""
    public = serialization.load_der_public_key(base64.b64decode(exchange_public))
    if not isinstance(public, rsa.RSAPublicKey):
        raise SealError(f"the exchange key of {recipient} is not an RSA key")
    secret, nonce = AESGCM.generate_key(bit_length=256), os.urandom(12)
    body = AESGCM(secret).encrypt(nonce, json.dumps(payload).encode(), _aad(sender, recipient))
    parts = (public.encrypt(secret, _oaep()), nonce, body)
    return ".".join(base64.b64encode(part).decode("ascii") for part in parts)


def unseal(parcel: str, exchange_private: bytes, sender: str, recipient: str) -> t.Any:
    """Open a parcel that C(sender) sealed for this host."""
    try:
        wrapped, nonce, body = (base64.b64decode(part, validate=True) for part in parcel.split("."))
        secret = _load_private(exchange_private).decrypt(wrapped, _oaep())
        return json.loads(AESGCM(secret).decrypt(nonce, body, _aad(sender, recipient)))
    except (ValueError, InvalidTag) as error:
        raise SealError(
            f"the keys from {sender} cannot be opened on {recipient}: the parcel is damaged or was sealed for another "
            "exchange key. Run again."
        ) from error
