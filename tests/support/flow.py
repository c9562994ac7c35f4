# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What goes on while a test does something else: mail at a steady rate, and a look at the DNS."""

from __future__ import annotations

import dataclasses
import itertools
import json
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from typing import IO, Any

from tests.support.inject import Message
from tests.support.lab import LAB, ROOT, deliveries
from tests.support.traffic import arrived

RECIPIENTS = ("generic.example", "gmail.com")


def letter(domain: str, recipient: str = "generic.example", name: str = "anna") -> Message:
    """A message of a domain of the fleet, as its application would write it."""
    return Message(f"bounces@bounce.{domain}", f"{name}@{recipient}", f"news@{domain}")


class _Background:
    """A program in the lab's network that prints JSON lines until the block ends."""

    def __init__(self, module: str, *words: str) -> None:
        self._words = [str(LAB), "run", "env", f"PYTHONPATH={ROOT}", "python3", "-m", module, *words]
        self._done = threading.Event()

    def __enter__(self) -> Any:
        self._output = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=self._output, text=True, cwd=ROOT)
        self._feeder = threading.Thread(target=self._feed)
        self._feeder.start()
        return self

    @property
    def _input(self) -> IO[str]:
        assert self._process.stdin
        return self._process.stdin

    def _feed(self) -> None:
        """What is written to the program; it ends when this ends."""
        self._done.wait()

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._feeder.join()
        self._input.close()
        code = self._process.wait(90)
        self._output.seek(0)
        lines = self._output.read().splitlines()
        self._output.close()
        self._read([json.loads(line) for line in lines])
        assert code == 0, self._words

    def _read(self, lines: list[dict[str, Any]]) -> None:
        raise NotImplementedError


class Flow(_Background):
    """Mail to listeners at a steady rate; after the block, ``sent`` has every message with its reply."""

    def __init__(
        self, *listeners: tuple[str, int, str], rate: float = 10, recipients: Iterable[str] = RECIPIENTS
    ) -> None:
        """Each listener is an address, a port and a domain that it accepts."""
        super().__init__("tests.support.inject", "--as-they-come")
        self.sent: list[Message] = []
        self._letters = (
            # To many people: at a large provider each of them is served by one address of the pool, for hours.
            {"host": host, "port": port, **dataclasses.asdict(letter(domain, recipient, f"anna{number % 50}"))}
            for number, recipient in enumerate(itertools.cycle(recipients))
            for host, port, domain in listeners
        )
        self._pause = 1 / rate

    def _feed(self) -> None:
        while not self._done.wait(self._pause):
            self._input.write(json.dumps(next(self._letters)) + "\n")
            self._input.flush()

    def _read(self, lines: list[dict[str, Any]]) -> None:
        self.sent = sorted((Message(**line) for line in lines), key=lambda message: message.sent)

    @property
    def refusals(self) -> Counter[str]:
        return Counter(message.reply for message in self.sent if not message.accepted)


class Watch(_Background):
    """The TXT records of names on both name servers; after the block, ``seen`` has every change with its time."""

    def __init__(self, *names: str) -> None:
        super().__init__("tests.support.txt_watch", *names)
        self.seen: list[dict[str, Any]] = []
        self._names = names

    def _read(self, lines: list[dict[str, Any]]) -> None:
        self.seen = lines

    def everywhere(self, words: str) -> float:
        """Since when every name on every server has shown the words; for ever if one does not."""
        first = {(line["name"], line["server"]): float("inf") for line in self.seen}
        for line in reversed(self.seen):
            if any(words in value for value in line["values"]):
                first[line["name"], line["server"]] = line["time"]
        assert {name for name, _server in first} == set(self._names)
        return max(first.values())


def nothing_lost_nothing_doubled(sent: Iterable[Message], seconds: float = 60) -> None:
    """What a listener accepted arrives once; what it refused does not arrive."""
    sent = list(sent)
    arrived(sent, seconds)
    copies = Counter(delivery.identity for delivery in deliveries())
    wrong = {m.identity: (m.reply, copies[m.identity]) for m in sent if copies[m.identity] != int(m.accepted)}
    assert not wrong, wrong
