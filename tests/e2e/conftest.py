# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The lab for end-to-end tests: bare hosts once a run, then the tests in the order of the files' numbers."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support import evidence
from tests.support import lab as laboratory
from tests.support.backends import backend


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alike: on every backend the same; one fleet shows it")
    config.addinivalue_line("markers", "only(backend, reason): what it tests, other backends have not; it looks at mx1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("only"):
            if mark.args[0] != backend("mx1").name:
                item.add_marker(pytest.mark.skip(reason=mark.kwargs["reason"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The first failure shows what the senders say: later ones are often its consequences."""
    report = yield
    if report.failed and not item.session.testsfailed:
        report.sections += evidence.of_senders()
    return report


@pytest.fixture(scope="session")
def bare_lab() -> None:
    """Senders as Debian delivers them, receivers without memory, DNS without our records."""
    laboratory.lab("up")
    laboratory.lab("rebuild", "mx1", "mx2", "world")
    laboratory.lab("reset")


@pytest.fixture(scope="session")
def fleet(bare_lab: None) -> laboratory.Play:
    """The lab after its first site run."""
    first = laboratory.play()
    assert first.code == 0, first.output[-4000:]
    return first


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """A copy of the lab's inventory to edit."""
    return Path(shutil.copytree(laboratory.INVENTORY, tmp_path / "inventory"))
