# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import asyncio
import time

import pytest
from mailfleet.socketmap import LIMIT, Connection, ProtocolError, Requests, frame


@pytest.mark.parametrize(
    ("pieces", "requests"),
    [
        pytest.param([b"8:pool a@b,"], ["pool a@b"], id="one"),
        pytest.param([b"1:a,1:b,", b"1:c,"], ["a", "b", "c"], id="many at once"),
        pytest.param([b"1", b"0:0123456", b"789", b",2:ab,"], ["0123456789", "ab"], id="in pieces"),
        pytest.param([b"0:,"], [""], id="empty"),
        pytest.param([b"3:p \xff,"], ["p \udcff"], id="not UTF-8"),
        pytest.param([b"3:p \xc3"], [], id="unfinished"),
        pytest.param([b"6:p a@\xc3\xa9,"], ["p a@é"], id="UTF-8"),
    ],
)
def test_requests(pieces: list[bytes], requests: list[str]) -> None:
    parser = Requests()
    assert [request for piece in pieces for request in parser.feed(piece)] == requests


@pytest.mark.parametrize(
    "data",
    [b"x:a,", b":a,", b"-1:a,", b"1:ab", b"GET / HTTP/1.0\r\n", b"%d:" % (LIMIT + 1), b"99999999999", b"1:a;"],
)
def test_no_netstrings(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Requests().feed(data)


@pytest.mark.parametrize("text", ["OK a:", "", "p \udcff", "é"])
def test_frame_is_read_back(text: str) -> None:
    assert Requests().feed(frame(text)) == [text]


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written += data

    def close(self) -> None:
        self.closed = True


def test_answers_keep_their_order() -> None:
    async def later(text: str) -> str:
        await asyncio.sleep(0.01)
        return text

    async def scenario() -> bytes:
        connection = Connection(lambda name, key: later(f"OK {key}") if name == "slow" else f"OK {key}")
        transport = Transport()
        connection.connection_made(transport)
        connection.data_received(frame("fast 1") + frame("slow 2") + frame("fast 3"))
        assert transport.written == frame("OK 1")
        connection.data_received(frame("slow 4"))
        deadline = time.monotonic() + 5
        while len(transport.written) < len(answers) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        return transport.written

    answers = b"".join(frame(f"OK {number}") for number in (1, 2, 3, 4))
    assert asyncio.run(scenario()) == answers


def test_a_client_that_leaves_or_babbles() -> None:
    async def scenario() -> None:
        transport = Transport()
        connection = Connection(lambda name, key: asyncio.sleep(0.01, "OK late"))
        connection.connection_made(transport)
        connection.data_received(frame("a b"))
        connection.connection_lost(None)
        await asyncio.sleep(0.03)
        assert transport.written == b""

        babbler = Connection(lambda name, key: "OK")
        babbler.connection_made(transport)
        babbler.data_received(b"hello?")
        assert transport.closed

    asyncio.run(scenario())
