# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Where the ledger's events come from: the logs of Postfix's instances, or PowerMTA's accounting files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from mailfleet import postfix_log, powermta_acct, powermta_join
from mailfleet.aside import Changes
from mailfleet.events import Classify, Event
from mailfleet.ledger_join import Joiner, Load, Message
from mailfleet.ledger_names import Names
from mailfleet.tail import Chunk, Log, Table

POSTFIX, POWERMTA = "postfix", "powermta"
DIRECTORIES = {POSTFIX: "/var/log/postfix", POWERMTA: "/var/log/pmta"}
# PowerMTA puts the date and a number behind the name: <acct-file acct.csv> is acct-2026-11-22-0000.csv.
_ACCOUNTING = ("acct*.csv",)


class Reading(Protocol):
    """One transaction's way from lines to events."""

    @property
    def messages(self) -> Mapping[tuple[str, str], Message]:
        """What has to be remembered of messages under way."""

    @property
    def aside(self) -> Changes:
        """Which messages were put aside, and which are no more."""

    def events(self, chunk: Chunk) -> Iterator[Event]: ...


class Source(Protocol):
    @property
    def logs(self) -> Sequence[Log | Table]: ...

    def reading(self, load: Load, now: float) -> Reading: ...


class PostfixReading:
    def __init__(self, joiner: Joiner, clock: postfix_log.Clock) -> None:
        self._joiner = joiner
        self._clock = clock

    @property
    def messages(self) -> Mapping[tuple[str, str], Message]:
        return self._joiner.messages

    @property
    def aside(self) -> Changes:
        return self._joiner.aside

    def events(self, chunk: Chunk) -> Iterator[Event]:
        return self._joiner.join(postfix_log.parse(chunk.data.decode("utf-8", "replace"), self._clock))


class Postfix:
    """The role postfix has each instance log to a file with its name."""

    def __init__(self, names: Names, classify: Classify, directory: str) -> None:
        self._names = names
        self._classify = classify
        self.logs = [Log(f"{directory}/{instance}.log") for instance in sorted(names.pools)]

    def reading(self, load: Load, now: float) -> PostfixReading:
        return PostfixReading(Joiner(self._names, self._classify, load), postfix_log.Clock(now))


class PowermtaReading:
    messages: Mapping[tuple[str, str], Message] = {}
    aside: Changes = {}

    def __init__(self, joiner: powermta_join.Joiner, clock: powermta_acct.Clock) -> None:
        self._joiner = joiner
        self._clock = clock

    def events(self, chunk: Chunk) -> Iterator[Event]:
        header = chunk.header.decode("utf-8", "replace").rstrip("\r\n")
        return self._joiner.join(powermta_acct.parse(chunk.data.decode("utf-8", "replace"), header, self._clock))


class Powermta:
    """All accounting files of a directory are one log: they are followed wherever they are renamed to in it."""

    def __init__(self, names: Names, classify: Classify, directory: str) -> None:
        self._names = names
        self._classify = classify
        self.logs = [Table(f"{directory}/acct", [f"{directory}/{name}" for name in _ACCOUNTING])]

    def reading(self, load: Load, now: float) -> PowermtaReading:
        return PowermtaReading(powermta_join.Joiner(self._names, self._classify), powermta_acct.Clock(now))


SOURCES: Mapping[str, Callable[[Names, Classify, str], Source]] = {POSTFIX: Postfix, POWERMTA: Powermta}
