# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The golden receiver: Postfix and rspamd, software that others run, say what they think of our mail."""

from __future__ import annotations

from .hostfiles import File

HOST = "mx.golden.example"
UNITS = ()


def files() -> dict[str, File]:
    return {}
