# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from mailfleet.backoff import FLUSH, RELEASE, RELOAD, TRY
from mailfleet.requests import Requests


class Helper:
    """The other end of the socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.open()

    def open(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(self._path))

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Helper]:
    made = Helper(tmp_path / "requests.sock")
    yield made
    made.close()


@pytest.fixture
def requests(tmp_path: Path) -> Requests:
    return Requests(str(tmp_path / "requests.sock"), lambda _sentence: None)


def test_a_request_has_its_interval_and_is_made_once(helper: Helper, requests: Requests) -> None:
    for now in (10.0, 10.5, 11.0):
        requests.ask(RELOAD, "campaign")
        requests.send(now)
    assert helper.heard() == ["reload campaign", "reload campaign"]


def test_what_is_released_is_tried_afterwards(helper: Helper, requests: Requests) -> None:
    """What is on hold cannot be tried, and once released it would wait for its own time, which may be hours away."""
    for now, message in ((10.0, "A"), (11.0, "B"), (12.0, "C"), (12.99, "D"), (14.0, "E")):
        requests.ask(RELEASE, "campaign", [message])
        requests.ask(TRY, "campaign", [message])
        requests.send(now)
    heard = helper.heard()
    for message in "ABCDE":
        places = [place for place, line in enumerate(heard) if message in line.split()]
        assert [heard[place].split()[0] for place in places] == [RELEASE, TRY]


def test_another_pools_release_holds_nothing_up(helper: Helper, requests: Requests) -> None:
    requests.ask(RELEASE, "campaign", ["A"])
    requests.send(10.0)
    requests.ask(FLUSH, "trans")
    requests.ask(FLUSH, "campaign")
    requests.ask(RELEASE, "campaign", ["B"])
    requests.send(10.5)
    assert helper.heard() == ["release campaign A", "flush trans"]
    requests.send(11.0)
    assert helper.heard() == ["release campaign B", "flush campaign"]


def test_what_nobody_took_is_asked_again(helper: Helper, requests: Requests) -> None:
    helper.close()
    requests.ask(FLUSH, "campaign")
    requests.send(10.0)
    helper.open()
    requests.send(10.1)
    assert helper.heard() == ["flush campaign"]


def test_nothing_is_kept_back_at_the_end(helper: Helper, requests: Requests) -> None:
    requests.ask(FLUSH, "campaign")
    requests.send(10.0)
    requests.ask(FLUSH, "campaign")
    requests.ask(RELEASE, "campaign", ["A"])
    requests.send(math.inf)
    assert helper.heard() == ["flush campaign", "release campaign A", "flush campaign"]
