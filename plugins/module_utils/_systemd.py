# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What to do about systemd units, for many units at once. The planning is pure; Systemd does the IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Run

# A unit that systemd is still bringing up counts as running; "activating" may also mean a crash loop.
_UP = ("active", "reloading", "refreshing")
# Nothing to enable: no [Install] section, or another unit pulls it in.
_ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated", "transient")
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "UnitFileState", "NeedDaemonReload")


class UnitError(Exception):
    """One sentence about a unit that does not do what was asked."""


@dataclass(frozen=True)
class State:
    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    file: str = ""
    stale: bool = False

    @property
    def running(self) -> bool:
        return self.active in _UP

    @property
    def coming(self) -> bool:
        """On its way, with what it read when it began; after a pause ("auto-restart") it reads anew."""
        return self.active == "activating" and self.sub != "auto-restart"

    @property
    def enabled(self) -> bool:
        return self.file in _ENABLED

    @property
    def words(self) -> str:
        return f"{self.active} ({self.sub}), {self.file or self.load}"


@dataclass(frozen=True)
class Wish:
    started: Sequence[str] = ()
    reload: Sequence[str] = ()
    restart: Sequence[str] = ()
    stopped: Sequence[str] = ()
    daemon_reload: bool = False

    @property
    def units(self) -> list[str]:
        return list(dict.fromkeys([*self.started, *self.reload, *self.restart, *self.stopped]))


def plan(states: Mapping[str, State], wish: Wish) -> dict[str, list[str]]:
    """systemctl verbs with their units, in the order to run them; a verb without work is not there.

    A restart includes a reload. What is not running is neither reloaded nor restarted; if it is to run, it is started.
    What is on its way may have read what was there before, and may fail of it: it is restarted instead of reloaded.
    """
    restart = _those(wish.restart, lambda unit: states[unit].running or states[unit].coming)
    restart += _those(wish.reload, lambda unit: states[unit].coming and unit not in restart)
    steps = {
        "daemon-reload": ["systemd"] if wish.daemon_reload or any(state.stale for state in states.values()) else [],
        "disable": _those(wish.stopped, lambda unit: states[unit].file in ("enabled", "enabled-runtime")),
        "stop": _those(wish.stopped, lambda unit: states[unit].active not in ("inactive", "failed")),
        "enable": _those(wish.started, lambda unit: not states[unit].enabled),
        "restart": restart,
        "reload": _those(wish.reload, lambda unit: states[unit].running and unit not in wish.restart),
        "start": _those(wish.started, lambda unit: not states[unit].running and unit not in restart),
    }
    return {verb: units for verb, units in steps.items() if units}


def _those(units: Iterable[str], condition: Callable[[str], bool]) -> list[str]:
    return [unit for unit in dict.fromkeys(units) if condition(unit)]


def predicted(states: Mapping[str, State], steps: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What the units' states will say after the steps; for the diff."""
    after = {unit: state.words for unit, state in states.items()}
    for verb in ("restart", "reload"):
        after.update({unit: f"{states[unit].words}, {verb}ed" for unit in steps.get(verb, ())})
    for unit in states:
        if unit in steps.get("start", ()) or unit in steps.get("enable", ()):
            up = states[unit].words.split(", ")[0] if states[unit].running else "active (running)"
            after[unit] = f"{up}, {states[unit].file if states[unit].enabled else 'enabled'}"
        if unit in steps.get("stop", ()) or unit in steps.get("disable", ()):
            after[unit] = "inactive (dead), disabled"
    return after


def parse_show(units: Sequence[str], text: str) -> dict[str, State]:
    """Read ``systemctl show``: one block per unit, in the order they were asked for."""
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    states = {unit: State() for unit in units}
    for unit, block in zip(units, blocks):
        states[unit] = State(
            load=block.get("LoadState", "not-found"),
            active=block.get("ActiveState", "inactive"),
            sub=block.get("SubState", "dead"),
            file=block.get("UnitFileState", ""),
            stale=block.get("NeedDaemonReload") == "yes",
        )
    return states


class Systemd:
    """The host's systemd, through one call of systemctl per verb."""

    def __init__(self, run: Run, settle: float = 0.3) -> None:
        self._run = run
        self._settle = settle

    def states(self, units: Sequence[str]) -> dict[str, State]:
        if not units:
            return {}
        answer = self._run(["systemctl", "show", "--property=" + ",".join(_PROPERTIES), "--", *units])
        return parse_show(units, answer.out)

    def inactive(self, units: Sequence[str]) -> list[str]:
        return [unit for unit, state in self.states(units).items() if not state.running]

    def carry_out(self, steps: Mapping[str, Sequence[str]], must_run: Sequence[str]) -> None:
        """Run the steps, then look whether the units that must run do so."""
        for verb, units in steps.items():
            # Stopping waits for deliveries to end, so it may take its time.
            argv = ["systemctl", verb] if verb == "daemon-reload" else ["systemctl", verb, "--", *units]
            answer = self._run(argv, timeout=600)
            if answer.code != 0:
                raise UnitError(self._failure(verb, units, answer.words))
        if {"start", "restart", "reload"} & steps.keys():
            time.sleep(self._settle)  # a service that dies of its configuration does so at once
            down = self.inactive(must_run)
            if down:
                raise UnitError(self._failure("start", down, "it ended at once"))

    def _failure(self, verb: str, units: Sequence[str], words: str) -> str:
        if verb == "daemon-reload":
            return f"systemd could not read its units again: {words.rstrip('.')}."
        states = self.states(units)
        bad = [unit for unit in units if not states[unit].running] if verb not in ("stop", "disable") else list(units)
        unit = (bad or list(units))[0]
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        if states[unit].load == "not-found":
            return f"{unit}{others} is not installed, so it could not {verb}: {words.rstrip('.')}."
        log = self._run(["journalctl", "--unit", unit, "--lines", "5", "--no-pager", "--output", "cat"]).out
        lines = "; ".join(line.strip() for line in log.splitlines() if line.strip()) or words
        return f"{unit}{others} could not {verb} and is {states[unit].active}. Its last log lines: {lines}"
