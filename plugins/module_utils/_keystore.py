# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The key files of one sender: the only file that touches them (this module util is PRIVATE to the collection).

C(<directory>/<domain>/<selector>.private) and C(.public); the public file is written last, so it vouches for a
complete pair and a killed run is finished by the next one. Nothing that exists is ever overwritten.
"""

from __future__ import annotations

import concurrent.futures
import grp
import multiprocessing
import os
import re
import types
import typing as t

_NAME = re.compile(r"^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$")
_BITS = 2048
_EXCHANGE_BITS = 3072

Pair = tuple[str, str]


class StoreError(Exception):
    """A sentence that names path, cause and remedy."""


def _crypto() -> types.ModuleType:
    """Load the cryptography only when a key is missing: it doubles the time of a run that only reads."""
    from ansible_collections.mailfleet.mta.plugins.module_utils import _keyseal

    if _keyseal.IMPORT_ERROR is not None:
        raise StoreError("python3-cryptography is not installed on this sender; install it and run again.")
    return _keyseal


def check_pairs(pairs: t.Iterable[t.Sequence[str]]) -> list[Pair]:
    """Refuse names that could leave the directory; return sorted (domain, selector)."""
    result = set()
    for domain, selector in pairs:
        for name in (domain, selector):
            if len(name) > 253 or not _NAME.match(name):
                raise StoreError(f"'{name}' is not a lower-case DNS name, so no key file can be named after it.")
        result.add((domain, selector))
    return sorted(result)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


class Keystore:
    def __init__(self, directory: str, group: str) -> None:
        self.directory = directory
        self.group = group

    def path(self, pair: Pair, half: str) -> str:
        return os.path.join(self.directory, pair[0], f"{pair[1]}.{half}")

    def _gid(self) -> int:
        try:
            return grp.getgrnam(self.group).gr_gid
        except KeyError:
            raise StoreError(
                f"Group '{self.group}' does not exist, so no key can be given to it. Install rspamd first."
            ) from None

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, pairs: t.Iterable[Pair]) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
        """Return the public keys of complete pairs, and those whose private half is missing."""
        public: dict[str, dict[str, str]] = {}
        orphans: dict[str, dict[str, str]] = {}
        for pair in pairs:
            text = _read(self.path(pair, "public"))
            if text is not None:
                half = public if os.path.exists(self.path(pair, "private")) else orphans
                half.setdefault(pair[0], {})[pair[1]] = text.decode("ascii").strip()
        return public, orphans

    def misplaced(self, pairs: t.Iterable[Pair]) -> list[str]:
        """Return the private keys whose owner, group or mode the signer could not use or others could abuse."""
        try:
            gid = grp.getgrnam(self.group).gr_gid
        except KeyError:
            return []
        wrong = []
        for pair in pairs:
            path = self.path(pair, "private")
            try:
                found = os.stat(path)
            except FileNotFoundError:
                continue
            if (found.st_uid, found.st_gid, found.st_mode & 0o7777) != (os.geteuid(), gid, 0o640):
                wrong.append(path)
        return wrong

    def repair(self, paths: t.Iterable[str]) -> None:
        gid = self._gid()
        for path in paths:
            os.chown(path, os.geteuid(), gid)
            os.chmod(path, 0o640)

    def exchange_public(self, create: bool) -> str | None:
        """Return this sender's exchange key (base64 DER), made on first use."""
        public_path = os.path.join(self.directory, "exchange.public")
        text = _read(public_path)
        if text is not None or not create:
            return text.decode("ascii").strip() if text is not None else None
        self._mkdir(self.directory, self._gid())
        private_path = os.path.join(self.directory, "exchange.private")
        private = self._keep(private_path, _read(private_path) or _crypto().make_private(_EXCHANGE_BITS), 0o600, 0)
        public: str = _crypto().public_of(private)
        self._keep(public_path, public.encode() + b"\n", 0o644, 0)
        return public

    # -- writing ------------------------------------------------------------------------------------------------------

    def _mkdir(self, path: str, gid: int) -> None:
        if not os.path.isdir(path):
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            try:
                os.mkdir(path, 0o750)
            except FileExistsError:
                return
        os.chown(path, os.geteuid(), gid)
        os.chmod(path, 0o750)

    def _keep(self, path: str, content: bytes, mode: int, gid: int) -> bytes:
        """Write a file that must not exist yet; when it does, return what it holds instead of touching it."""
        temporary = f"{path}.{os.getpid()}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                os.fchown(stream.fileno(), os.geteuid(), gid)
                os.fchmod(stream.fileno(), mode)
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(temporary, path)
            except FileExistsError:
                return _read(path) or b""
            return content
        finally:
            os.unlink(temporary)

    def _complete(self, pair: Pair, private: bytes) -> str:
        """Write a pair; an existing private key wins over C(private), an existing public one must match."""
        gid = self._gid()
        directory = os.path.join(self.directory, pair[0])
        self._mkdir(self.directory, gid)
        self._mkdir(directory, gid)
        public: str = _crypto().public_of(self._keep(self.path(pair, "private"), private, 0o640, gid))
        kept = self._keep(self.path(pair, "public"), public.encode() + b"\n", 0o644, gid).decode("ascii").strip()
        if kept != public:
            raise StoreError(
                f"{self.path(pair, 'public')} belongs to another key than {self.path(pair, 'private')}. "
                "Remove the one that is not in DNS and run again."
            )
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return public

    def _make_one(self, pair: Pair) -> str:
        return self._complete(pair, _read(self.path(pair, "private")) or _crypto().make_private(_BITS))

    def make(self, pairs: t.Sequence[Pair]) -> None:
        """Make the missing keys on all processors, in processes: Debian 13's library holds the GIL while it does."""
        workers = min(os.cpu_count() or 1, len(pairs))
        if workers <= 1:
            for pair in pairs:
                self._make_one(pair)
            return
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
            list(pool.map(self._make_one, pairs, chunksize=max(1, len(pairs) // (workers * 4))))

    # -- sharing ------------------------------------------------------------------------------------------------------

    def seal(self, pairs: t.Iterable[Pair], exchange_public: str, sender: str, recipient: str) -> str:
        payload = []
        for pair in pairs:
            private = _read(self.path(pair, "private"))
            if private is None:
                raise StoreError(
                    f"{self.path(pair, 'private')} is gone, so it cannot be shared with {recipient}. Run again."
                )
            payload.append([pair[0], pair[1], private.decode("ascii")])
        parcel: str = _crypto().seal(payload, exchange_public, sender, recipient)
        return parcel

    def store(self, parcel: str, pairs: t.Iterable[Pair], sender: str, recipient: str) -> None:
        """Open a parcel and keep the keys that were asked for, and no others."""
        private = _read(os.path.join(self.directory, "exchange.private"))
        if private is None:
            raise StoreError(
                f"{self.directory}/exchange.private is gone, so the keys from {sender} cannot be opened. Run again."
            )
        received = {
            (domain, selector): pem for domain, selector, pem in _crypto().unseal(parcel, private, sender, recipient)
        }
        for pair in pairs:
            if pair not in received:
                raise StoreError(f"{sender} did not send the key of {pair[0]}/{pair[1]}. Run again.")
            pem = received[pair].encode()
            if self._complete(pair, pem) != _crypto().public_of(pem):
                raise StoreError(
                    f"{self.path(pair, 'private')} is another key than the one {sender} signs with. "
                    "Remove the pair that is not in DNS and run again."
                )
