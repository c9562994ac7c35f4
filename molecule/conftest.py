# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the tests of the scenarios share. They run in the lab's network and compare the hosts with the inventory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

from tests.support.traffic import Source, sources

Python = Callable[..., str]


@pytest.fixture
def name(host: Host) -> str:
    """The inventory's name of the host under test."""
    return str(host.backend.host)


@pytest.fixture
def here(name: str) -> list[Source]:
    """The sources of the host under test."""
    return [source for source in sources() if source.host == name]


@pytest.fixture
def python(host: Host) -> Python:
    """Run Python on the host under test: the script, then its arguments; what it prints."""
    return lambda script, *words: host.check_output(" ".join(["python3 -c %s", *(["%s"] * len(words))]), script, *words)
