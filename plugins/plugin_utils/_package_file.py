# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The name and version of a Debian package in a file on the controller, which needs dpkg for zstd only. IO.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

import io
import os
import re
import subprocess  # a filter has no module whose run_command it could use
import tarfile
import zlib
from typing import BinaryIO

from ansible_collections.mailfleet.mta.plugins.module_utils._debian import VERSION

_MAGIC = b"!<arch>\n"
_MEMBER = 60  # the size of a member's header (deb(5), ar(5))
_FIELD = re.compile(r"^(Package|Version):[ \t]*(\S+)", re.MULTILINE)


class UnreadableHereError(ValueError):
    """It may be a package, but this controller cannot look into it."""


def package_of(path: str) -> tuple[str, str]:
    """Name and version; ValueError with the reason where the file is no such package."""
    try:
        with open(path, "rb") as file:
            fields = dict(_FIELD.findall(_control(file, path)))
    except (EOFError, KeyError, zlib.error, tarfile.TarError):
        raise ValueError("its control file cannot be read") from None
    except OSError as error:
        raise ValueError(str(error.strerror)) from None
    if "Package" not in fields or not VERSION.fullmatch(fields.get("Version", "")):
        raise ValueError("its control file names no package with a version")
    return fields["Package"], fields["Version"]


def _control(file: BinaryIO, path: str) -> str:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it does not begin as one")
    while len(header := file.read(_MEMBER)) == _MEMBER:
        name, size = header[:16].decode("ascii", "replace").strip(" /"), int(header[48:58])
        if name == "control.tar.zst":  # as Ubuntu packs; Python reads it from 3.14 on
            return _control_by_dpkg(path)
        if name.startswith("control.tar"):
            with tarfile.open(fileobj=io.BytesIO(file.read(size))) as archive:
                parts = {one.name.lstrip("./"): one for one in archive if one.isfile()}
                found = archive.extractfile(parts["control"])
                return found.read().decode("utf-8", "replace") if found else ""
        file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("it has no control file")


def _control_by_dpkg(path: str) -> str:
    argv = ["dpkg-deb", "--field", os.path.abspath(path), "Package", "Version"]
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise UnreadableHereError("packed with zstd, and this controller has no dpkg-deb") from None
    if "unknown compression" in done.stderr:
        raise UnreadableHereError("packed with zstd, which this controller's dpkg-deb does not read")
    if done.returncode != 0:
        raise ValueError("its control file cannot be read")
    return done.stdout
