# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bring the source addresses of a host to the planned state. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._addresses import (
    UNIT,
    AddressError,
    Plan,
    choose,
    plan,
    shown,
    unit_text,
    unusable,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._command import Run
from ansible_collections.mailfleet.mta.plugins.module_utils._files import read_text, replace_file
from ansible_collections.mailfleet.mta.plugins.module_utils._network import (
    default_interface,
    read_addresses,
    ssh_address,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import Systemd, Wish
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import plan as plan_units

_WAIT = 5.0


def converge(
    root: str,
    params: Mapping[str, Any],
    dry: bool,
    run: Run,
    announce: Callable[[str, Sequence[str]], None],
) -> dict[str, Any]:
    """Compare, and unless ``dry`` write the files, change and announce the addresses and look at the result."""
    with nullcontext() if dry else _alone(Path(root) / "etc/mailfleet/addresses"):
        actual = read_addresses(run)
        state = _state(Path(root) / "etc/mailfleet/addresses/state.json")
        desired = [item["address"] for item in params["addresses"]]
        interface = choose(params["interface"], state, default_interface(actual, run), actual)
        planned = plan(desired, interface, state, actual, ssh_address(), params["remove"])
        # What shall leave stays ours until it has left, so that a run that ends half way forgets nothing.
        leaving = {address: state["owned"][address] for address in planned.remove}
        interim = replace(planned, owned={**planned.owned, **leaving})
        stale = _stale(root, planned, interim.state)
        systemd = Systemd(run, settle=0)
        new_unit = any(path.name == UNIT for path in stale)
        # Our own removals would look to the unit like those of somebody else.
        again = [UNIT] if new_unit or planned.remove else []
        steps = plan_units(systemd.states([UNIT]), Wish(started=[UNIT], restart=again, daemon_reload=new_unit))
        if not dry:
            _write(stale)
            _change(planned.commands, run)
            _await(desired, run)
            announce(planned.interface, planned.add)
            _write(_stale(root, planned, planned.state))
            systemd.carry_out(steps, [UNIT])
        return {
            "changed": bool(stale or planned.commands or steps),
            "diff": {
                "before_header": "source addresses",
                "after_header": "source addresses",
                "before": shown(state.get("owned", {}), state.get("adopted", [])),
                "after": shown(planned.owned, planned.adopted),
            },
            **_report(planned),
        }


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    """One run after the other: what one adds while another one writes would be nobody's, and gone after a boot."""
    base.mkdir(parents=True, exist_ok=True)
    with open(base / ".lock", "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _stale(root: str, planned: Plan, state: str) -> dict[Path, str]:
    """The files that have to be written, with their text."""
    base = Path(root) / "etc/mailfleet/addresses"
    files = {
        base / "state.json": state,
        base / "addresses.batch": planned.batch,
        Path(root) / "etc/systemd/system" / UNIT: unit_text(planned.interface, str(base / "addresses.batch")),
    }
    return {path: text for path, text in files.items() if read_text(str(path)) != text}


def _write(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        replace_file(path, text, 0o644)


def _report(planned: Plan) -> dict[str, Any]:
    return {
        "interface": planned.interface,
        "added": list(planned.add),
        "removed": list(planned.remove),
        "removable": list(planned.removable),
        "adopted": list(planned.adopted),
        "kept": list(planned.kept),
    }


def _state(path: Path) -> dict[str, Any]:
    text = read_text(str(path))
    try:
        state: dict[str, Any] = json.loads(text or "{}")
    except ValueError:
        raise AddressError(
            f"{path} is damaged, so it is unknown which addresses are ours. Repair it, or remove it: "
            "all addresses on the host then count as foreign and stay."
        ) from None
    return state


def _change(commands: Sequence[str], run: Run) -> None:
    if commands:
        answer = run(["ip", "-force", "-batch", "-"], stdin="\n".join(commands) + "\n")
        if answer.code != 0:
            raise AddressError(f"Not every address could be changed: {answer.words}. Remedy that and run again.")


def _await(desired: Sequence[str], run: Run) -> None:
    """Return when every wanted address can be bound to."""
    end = time.monotonic() + _WAIT
    while True:
        bad = unusable(desired, read_addresses(run))
        if not bad:
            return
        if time.monotonic() > end:
            words = ", ".join(f"{address} {reason}" for address, reason in sorted(bad.items()))
            raise AddressError(f"After the change {words}. See `ip address` on the host.")
        time.sleep(0.2)
