# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The lab command."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import access, cache, fleet, machines, network, receivers, standin
from .settings import CACHE, CONTROL, HOSTS, NETNS, STATE
from .shell import run
from .ui import LabError, step

TOOLS = {
    "systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "ip": "iproute2", "ssh": "openssh-client",
    "mount": "mount", "nsenter": "util-linux",
}  # fmt: skip


def main() -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `lab records | head` is no error
    arguments = _parser().parse_args()
    try:
        if os.geteuid() != 0:
            raise LabError("The lab makes namespaces and mounts, so it needs root: call it with sudo.")
        return arguments.work(arguments) or 0
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Sender hosts, DNS and receivers with no way out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(work=work)
        return sub

    command("up", _up, "build what is missing and start what is not running")
    command("down", _down, "stop the hosts and remove the network; images stay cached")
    command("status", _status, "say which hosts run")
    hosts = command("rebuild", _rebuild, "make hosts new again, in seconds")
    hosts.add_argument("hosts", nargs="+", choices=sorted(HOSTS), metavar="HOST")
    sessions = command("records", _records, "print the sessions that the personas saw, one JSON line each")
    sessions.add_argument("--persona")
    changed = command("persona", _persona, "show or change how a persona behaves: lab persona gmail refuse=temporary")
    changed.add_argument("persona", nargs="?")
    changed.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    command("reset", _reset, "receivers as after a fresh start: settings, memory, records and mail")
    command("golden", _golden, "print what the golden receiver thinks of its mail, one JSON line each")
    zones = command("zones", _zones, "serve this many empty zones: b0001.bench.example and so on")
    zones.add_argument("count", type=int)
    command("standin", _standin, "build the PowerMTA stand-in if its sources changed, and print the package's path")
    inside = command("run", _run, "run a command in the lab's network")
    inside.add_argument("command", nargs=argparse.REMAINDER)
    return parser


@contextmanager
def _locked() -> Iterator[None]:
    """One change of the lab at a time; a second command waits for the first."""
    STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (CACHE / "lab.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            step("lab", f"waiting for another lab command (PID {lock.read().strip()}) to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _up(_arguments: argparse.Namespace) -> None:
    with _locked():
        missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
        if missing:
            step("lab", f"installing {', '.join(missing)}")
            run(["apt-get", "-q", "update"])
            run(["apt-get", "-qy", "install", "--no-install-recommends", *missing])
        fleet.up()
        cache.prune()
        step("lab", "is up")


def _down(_arguments: argparse.Namespace) -> None:
    with _locked():
        fleet.down()
        step("lab", "is down")


def _status(_arguments: argparse.Namespace) -> int:
    print(f"network {NETNS}: {'up' if network.is_up() else 'down'}")
    dead = 0
    for host in fleet.hosts():
        found = machines.process(host)
        dead += found is None
        print(f"{host.name}: {host.suite}, {host.address}, {f'running, PID {found}' if found else 'stopped'}")
    return 1 if dead else 0


def _rebuild(arguments: argparse.Namespace) -> None:
    with _locked():
        _require_network()
        fleet.rebuild(arguments.hosts)


def _records(arguments: argparse.Namespace) -> None:
    for record in receivers.records(arguments.persona):
        print(json.dumps(record))


def _persona(arguments: argparse.Namespace) -> None:
    request = {"do": "set", "persona": arguments.persona, "settings": arguments.settings}
    answer = receivers.ask(request if arguments.persona else {"do": "state"})
    if "error" in answer:
        raise LabError(answer["error"])
    print(json.dumps(answer, indent=2))


def _reset(_arguments: argparse.Namespace) -> None:
    receivers.forget()


def _golden(_arguments: argparse.Namespace) -> None:
    for message in receivers.golden():
        print(json.dumps(message))


def _zones(arguments: argparse.Namespace) -> None:
    with _locked():
        _require_network()
        fleet.bench_zones(arguments.count)


def _standin(_arguments: argparse.Namespace) -> None:
    print(standin.package())


def _run(arguments: argparse.Namespace) -> int:
    _require_network()
    words = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not words:
        raise LabError("'lab run' needs a command, such as: lab run ssh mx1 uptime")
    environment = {
        **os.environ,
        "MAILFLEET_LAB": str(STATE),
        "MAILFLEET_LAB_TSIG": access.tsig_secret(),
        "MAILFLEET_LAB_STANDIN": str(standin.package()),
        # Two labs have the same addresses: a connection kept open for one must never serve the other.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(CONTROL),
    }
    os.execvpe("ip", ["ip", "netns", "exec", NETNS, *words], environment)


def _require_network() -> None:
    if not network.is_up():
        raise LabError("The lab is down. Start it with: tests/lab/lab up")
