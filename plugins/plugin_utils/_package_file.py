# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The name and version of a Debian package in a file on the controller, which need not have dpkg. IO: reads.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from typing import BinaryIO

from ansible_collections.mailfleet.mta.plugins.module_utils._debian import VERSION

_MAGIC = b"!<arch>\n"
_MEMBER = 60  # the size of a member's header (deb(5), ar(5))
_FIELD = re.compile(r"^(Package|Version):[ \t]*(\S+)", re.MULTILINE)


def package_of(path: str) -> tuple[str, str]:
    """Name and version; ValueError with the reason where the file is no such package."""
    try:
        with open(path, "rb") as file:
            fields = dict(_FIELD.findall(_control(file)))
    except (EOFError, KeyError, zlib.error, tarfile.TarError):
        raise ValueError("its control file cannot be read") from None
    except OSError as error:
        raise ValueError(str(error.strerror)) from None
    if "Package" not in fields or not VERSION.fullmatch(fields.get("Version", "")):
        raise ValueError("its control file names no package with a version")
    return fields["Package"], fields["Version"]


def _control(file: BinaryIO) -> str:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it does not begin as one")
    while len(header := file.read(_MEMBER)) == _MEMBER:
        name, size = header[:16].decode("ascii", "replace").strip(" /"), int(header[48:58])
        if name.startswith("control.tar"):
            with tarfile.open(fileobj=io.BytesIO(file.read(size))) as archive:
                parts = {one.name.lstrip("./"): one for one in archive if one.isfile()}
                found = archive.extractfile(parts["control"])
                return found.read().decode("utf-8", "replace") if found else ""
        file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("it has no control file")
