# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One lab host: a mounted root and the systemd-nspawn process that boots it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from . import mounts, network
from .settings import BRIDGE, NETNS, RUN, STATE, Host
from .ui import LabError

BOOT_LIMIT = 90.0
# Arguments: control groups, "--", a command. Each host has a group of its own in every hierarchy, or they would share
# one and count each other's processes. A host that reboots ends systemd-nspawn with status 133 and is started again.
SUPERVISE = """
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
trap 'kill -TERM "$child"' TERM
status=133
while [ "$status" = 133 ]; do
    "$@" & child=$!
    while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
done
"""
# Arguments: the host's port on the bridge, a command. The kernel takes an ended host's network away when it finds the
# time; a host that boots before then would find its port's name taken.
BOOT = 'ip link delete "$0" 2>/dev/null; exec "$@"'
STOP_LIMIT = 15.0


def home(host: Host) -> Path:
    return STATE / "hosts" / host.name


def _pid_file(host: Host) -> Path:
    return RUN / f"{host.name}.json"


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks: together with the PID it names one process for ever."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def process(host: Host) -> int | None:
    """PID of the host's running machine, if it is the process that we started."""
    try:
        record = json.loads(_pid_file(host).read_text())
        pid = int(record["pid"])
        alive = _started(pid) == record["started"]
    except (OSError, ValueError, KeyError):
        return None
    return pid if alive else None


def start(host: Host, binds: list[str]) -> None:
    """Boot the host from its mounted root; returns at once."""
    RUN.mkdir(parents=True, exist_ok=True)
    machine = f"{NETNS}-{host.name}"
    nspawn = ["systemd-nspawn", "-D", str(home(host) / "root"), "--boot"]
    nspawn += [f"--machine={machine}", f"--hostname={host.name}"]
    nspawn += ["--register=no", "--keep-unit", "--notify-ready=no", "--console=passive", f"--network-bridge={BRIDGE}"]
    nspawn += ["--resolv-conf=off", "--timezone=off", "--link-journal=no", *binds]
    groups = _control_groups(host)
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    boot = ["sh", "-c", BOOT, f"vb-{machine}", *nspawn]
    command = ["sh", "-c", SUPERVISE, "sh", *map(str, groups), "--", *network.enter(), *boot]
    env = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"} if host.suite != "bookworm" else dict(os.environ)
    with (home(host) / "console.log").open("w") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
        )
    record = {"pid": child.pid, "started": _started(child.pid)}
    _pid_file(host).write_text(json.dumps(record))


def _control_groups(host: Host) -> list[Path]:
    """The host's own group in every hierarchy; all its processes are in there, whatever became of their parents."""
    groups = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _number, controllers, _path = line.split(":", 2)
        if "cpuset" in controllers:
            continue  # version 1 takes no process before its CPUs are set, and nobody pins CPUs here
        # Version 2 is the whole tree on a pure host and a side tree on a hybrid one.
        tree = "unified" if not controllers and Path("/sys/fs/cgroup/unified").is_dir() else controllers
        group = Path("/sys/fs/cgroup") / tree.removeprefix("name=") / f"{NETNS}-lab" / host.name
        groups.append(group)
    return groups


def _members(host: Host) -> list[int]:
    found: list[int] = []
    for path in _control_groups(host)[0].rglob("cgroup.procs"):
        with contextlib.suppress(OSError):  # the group has just been removed
            found += map(int, path.read_text().split())
    return found


def wait(host: Host, ready: list[str]) -> None:
    """Wait until the command succeeds; a host that died says why in its console log."""
    limit = time.monotonic() + BOOT_LIMIT
    console = home(host) / "console.log"
    while subprocess.run(ready, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode:
        _check_alive(host, console)
        if time.monotonic() > limit:
            raise LabError(f"{host.name} is not ready after {BOOT_LIMIT:.0f} s; see {console} or run 'lab rebuild'.")
        time.sleep(0.2)
    _check_alive(host, console)


def _check_alive(host: Host, console: Path) -> None:
    if process(host) is None:
        tail = "\n".join(console.read_text(errors="replace").splitlines()[-10:])
        raise LabError(f"{host.name} stopped while booting; its console ({console}) ends with:\n{tail}")


def stop(host: Host, *, gently: bool) -> None:
    """End the processes of the machine we started and unmount its root."""
    found = process(host)
    if found and gently:
        os.kill(found, signal.SIGTERM)
        _wait_gone(host)
    # A killed systemd-nspawn leaves its machine running, so the machine's own processes are what must go.
    for pid in _members(host):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait_gone(host)
    if _members(host):
        raise LabError(f"{host.name}: processes {_members(host)} do not end. End them and call the command again.")
    for group in _control_groups(host):
        for directory in sorted((path.parent for path in group.rglob("cgroup.procs")), reverse=True):
            with contextlib.suppress(OSError):
                directory.rmdir()
    _pid_file(host).unlink(missing_ok=True)
    mounts.unmount(home(host) / "root")


def _wait_gone(host: Host) -> None:
    limit = time.monotonic() + STOP_LIMIT
    while (process(host) or _members(host)) and time.monotonic() < limit:
        time.sleep(0.05)
