# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The key files of one sender; nothing else touches them.

C(<directory>/<domain>/<selector>.private) and C(.public). The public file is written last and so vouches for a
complete pair: a run that was killed is finished by the next one. What exists is never overwritten.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.module_utils import _keyseal
from ansible_collections.mailfleet.mta.plugins.module_utils._files import sync_directory, write_file
from ansible_collections.mailfleet.mta.plugins.module_utils._keyseal import KeyFailure
from ansible_collections.mailfleet.mta.plugins.module_utils._processes import everywhere

_NAME = re.compile(r"(?!.{254})[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z")
_BITS = 2048
_EXCHANGE_BITS = 3072
_STAGED = ".new"

Pair = tuple[str, str]
Public = dict[str, dict[str, str]]


def check_pairs(pairs: Iterable[Pair]) -> list[Pair]:
    """Refuse names that could leave the directory; return the (domain, selector) sorted."""
    result = sorted(set(pairs))
    for name in {name for pair in result for name in pair}:
        if not _NAME.match(name):
            raise KeyFailure(f"{name!r} is no lower-case DNS name, so no key can be named after it. Correct it.")
    return result


class Keystore:
    def __init__(self, directory: str, group: str) -> None:
        self.directory = directory
        self.group = group

    def path(self, pair: Pair, half: str) -> str:
        return os.path.join(self.directory, pair[0], f"{pair[1]}.{half}")

    def read(self, pairs: Iterable[Pair]) -> tuple[Public, Public]:
        """Return the public keys of complete pairs, and those whose private half is missing."""
        complete: Public = {}
        orphans: Public = {}
        for pair in pairs:
            text = _read(self.path(pair, "public"))
            if text:
                half = complete if os.path.exists(self.path(pair, "private")) else orphans
                half.setdefault(pair[0], {})[pair[1]] = text.decode("ascii", "replace").strip()
        return complete, orphans

    def found(self, domains: Iterable[str]) -> list[Pair]:
        """Return every (domain, selector) that has a file, whether anybody asked for it or not."""
        pairs = set()
        for domain in domains:
            with contextlib.suppress(FileNotFoundError):
                for name in os.listdir(os.path.join(self.directory, domain)):
                    selector, _dot, half = name.rpartition(".")
                    if half in ("private", "public") and _NAME.match(selector):
                        pairs.add((domain, selector))
        return sorted(pairs)

    def misplaced(self, pairs: Iterable[Pair]) -> list[str]:
        """Return the private keys that the signer could not read, or that others could, and such directories."""
        try:
            gid = self.gid()
        except KeyFailure:
            return []
        keys = [self.path(pair, "private") for pair in pairs]
        directories = dict.fromkeys([self.directory, *map(os.path.dirname, keys)])
        wrong = []
        for path in (*directories, *keys):
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(path)
                if (found.st_uid, found.st_gid, found.st_mode & 0o7777) != (os.geteuid(), gid, _mode(found)):
                    wrong.append(path)
        return wrong

    def repair(self, paths: Iterable[str]) -> None:
        for path in paths:
            os.chown(path, os.geteuid(), self.gid())
            os.chmod(path, _mode(os.stat(path)))

    def exchange_public(self, create: bool) -> str | None:
        """Return this sender's exchange key (base64 of its DER), made on first use."""
        path = os.path.join(self.directory, "exchange")
        public = _read(f"{path}.public")
        if not public and create:
            with self.writing():
                self._finish(path, lambda: _keyseal.make_pair(_EXCHANGE_BITS), 0o600, os.getegid())
            public = _read(f"{path}.public")
        return public.decode("ascii").strip() if public else None

    def make(self, pairs: Sequence[Pair], ed25519: Sequence[Pair] = ()) -> None:
        """Make the missing keys: RSA, or Ed25519 for those that C(ed25519) names."""
        with self.writing():
            everywhere(self._make, [pair for pair in pairs if pair not in ed25519])
            everywhere(self._make_ed25519, list(ed25519))

    def seal(self, pairs: Iterable[Pair], exchange_public: str, sender: str, recipient: str) -> str:
        """Seal the private keys of C(pairs) for another sender."""
        _keyseal.require()
        payload = []
        for pair in pairs:
            pem = _read(self.path(pair, "private"))
            if pem is None:
                raise KeyFailure(f"{self.path(pair, 'private')} is gone, so {recipient} cannot have it. Run again.")
            payload.append([*pair, pem.decode("ascii")])
        return _keyseal.seal(payload, exchange_public, sender, recipient)

    def store(self, parcel: str, pairs: Sequence[Pair], sender: str, recipient: str) -> None:
        """Open a parcel and keep the keys that were asked for, and no others."""
        with self.writing():
            private = _read(os.path.join(self.directory, "exchange.private"))
            if private is None:
                raise KeyFailure(f"{self.directory}/exchange.private is gone. Remove exchange.public and run again.")
            payload = _keyseal.unseal(parcel, private, sender, recipient)
            received = {(domain, selector): pem.encode() for domain, selector, pem in payload}
            missing = sorted(set(pairs) - received.keys())
            if missing:
                raise KeyFailure(f"{sender} did not send the key {'/'.join(missing[0])}. Run again.")
            everywhere(self._store, [(pair, received[pair], sender) for pair in pairs])

    def prove(self, pairs: Sequence[Pair]) -> Public:
        """Return the public halves of private keys that lie where the signer reads them and sign."""
        found: Public = {}
        for (domain, selector), public in zip(pairs, everywhere(self._proof, pairs)):
            if public:
                found.setdefault(domain, {})[selector] = public
        return found

    def _proof(self, pair: Pair) -> str:
        pem = _read(self.path(pair, "private"))
        if not pem or self.misplaced([pair]):
            return ""
        try:
            return _keyseal.public_of(pem)
        except ValueError:
            return ""

    def _make(self, pair: Pair) -> None:
        self._finish(self._base(pair), lambda: _keyseal.make_pair(_BITS), 0o640, self.gid())

    def _make_ed25519(self, pair: Pair) -> None:
        self._finish(self._base(pair), _keyseal.make_ed25519, 0o640, self.gid())

    def _store(self, item: tuple[Pair, bytes, str]) -> None:
        pair, pem, sender = item
        base = self._base(pair)
        public = _public_of(base, pem)
        self._finish(base, lambda: (pem, public), 0o640, self.gid())
        if self.read([pair])[0] != {pair[0]: {pair[1]: public}}:
            raise KeyFailure(
                f"{base}.private is another key than the one {sender} signs with. "
                "Remove the pair that is not in DNS, on its sender, and run again."
            )

    def _base(self, pair: Pair) -> str:
        return os.path.join(self.domain_directory(pair[0]), pair[1])

    def domain_directory(self, domain: str) -> str:
        """Return the directory of a domain, made on first use."""
        directory = os.path.join(self.directory, domain)
        self._mkdir(directory)
        return directory

    def gid(self) -> int:
        try:
            return grp.getgrnam(self.group).gr_gid
        except KeyError:
            raise KeyFailure(
                f"Group {self.group} does not exist, so no key can be given to it. Install its package."
            ) from None

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Let one writer in at a time; what it wrote is on the disk when it ends."""
        _keyseal.require()
        self._mkdir(self.directory)
        handle = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
            os.fsync(handle)
        finally:
            os.close(handle)

    def _mkdir(self, path: str) -> None:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        os.chown(path, os.geteuid(), self.gid())
        os.chmod(path, 0o750)

    def _finish(self, base: str, pair: Callable[[], tuple[bytes, str]], mode: int, gid: int) -> None:
        """Write what is missing of a pair; a private half that exists counts, and a public one must belong to it."""
        for half in ("private", "public"):
            # What a killed run left may be a second name of the key itself, so it is removed, never opened.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{base}.{half}{_STAGED}")
        private = _read(f"{base}.private")
        if private is None:
            private, public = pair()
            _write(f"{base}.private", private.decode("ascii"), mode, gid)
        else:
            public = _public_of(base, private)
        kept = _read(f"{base}.public")
        if not kept:
            _write(f"{base}.public", f"{public}\n", 0o644, gid)
        elif kept.strip() != public.encode("ascii"):
            raise KeyFailure(
                f"{base}.public does not belong to {base}.private. Remove the one that is not in DNS and run again."
            )


def _public_of(base: str, private: bytes) -> str:
    try:
        return _keyseal.public_of(private)
    except ValueError as error:
        raise KeyFailure(
            f"{base}.private {error}. Restore it, or remove both halves here if another sender has the key; run again."
        ) from None


def _mode(found: os.stat_result) -> int:
    return 0o750 if stat.S_ISDIR(found.st_mode) else 0o640


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: str, text: str, mode: int, gid: int) -> None:
    """Write a whole file or none, never over an existing one."""
    staged = path + _STAGED
    write_file(Path(staged), text)
    os.chown(staged, os.geteuid(), gid)
    os.chmod(staged, mode)
    try:
        os.link(staged, path)
    finally:
        os.unlink(staged)
    sync_directory(Path(path).parent)
