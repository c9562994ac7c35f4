# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""From /etc/pmta to a server's settings: strict, or the sentences that say why not."""

from __future__ import annotations

import datetime
from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_files import LocalFiles
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, Config

from . import licence
from .server import Server, StartupError

CONFIG = "/etc/pmta/config"
DEFAULTS = "/etc/pmta/config-defaults"


class RefusedError(Exception):
    """A configuration that is not taken; every reason is a line."""


def _read(path: str) -> Config:
    files = LocalFiles()
    try:
        config = check_text(files.read(path), path, files=files)
    except OSError as error:
        raise RefusedError(f"Startup error: {path} cannot be read: {error.strerror}") from None
    wrong = [found for found in config.findings if found.level == ERROR]
    if wrong:
        raise RefusedError("\n".join(f"Error in line {found.line} of {found.file}: {found.message}" for found in wrong))
    return config


def load(path: str = CONFIG) -> Server:
    try:
        return Server(_read(path), _read(DEFAULTS))
    except StartupError as error:
        raise RefusedError(str(error)) from None


def load_licence() -> dict[str, str]:
    try:
        return licence.read(Path(licence.PATH).read_text(), datetime.date.today())
    except OSError as error:
        raise RefusedError(f"License error: {licence.PATH} cannot be read: {error.strerror}") from None
    except licence.LicenceError as error:
        raise RefusedError(f"License error: {error}") from None
