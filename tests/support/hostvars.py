# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What an action sees of all hosts' variables."""

from __future__ import annotations

from typing import Any


class Hostvars(dict[str, dict[str, Any]]):
    def raw_get(self, host: str) -> dict[str, Any]:
        return self[host]
