# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""After removal.yml took two addresses from mx1."""

from __future__ import annotations

import json
from collections.abc import Callable

from testinfra.host import Host

from tests.support.traffic import Source

FOREIGN = "198.51.100.90"
REMOVED = {"mx1": {"198.51.100.22", "2001:db8:100::21"}, "mx2": set()}


def test_only_the_removed_addresses_are_gone(
    host: Host, name: str, here: list[Source], present: Callable[[], set[str]], own: list[str]
) -> None:
    left = {address for source in here for address in source.addresses} - REMOVED[name]
    assert present() == left | {*own, FOREIGN}
    assert set(json.loads(host.file("/etc/mailfleet/addresses/state.json").content_string)["owned"]) == left
