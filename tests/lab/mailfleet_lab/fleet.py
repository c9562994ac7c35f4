# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The hosts together: bring up, take down, rebuild, say how they are."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import access, bind, cache, hostfiles, images, limits, machines, mounts, network, world
from .settings import CONTROL, DNS_PRIMARY, HOSTS, NETNS, STATE, Host
from .shell import run
from .ui import LabError, step

SHARED = STATE / "world"


def hosts() -> list[Host]:
    return [world.host() if name == "world" else host for name, host in HOSTS.items()]


def each(work: Callable[[Host], object], chosen: Iterable[Host]) -> None:
    """Do something for all hosts at once; report every problem, not only the first."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        futures = [pool.submit(work, host) for host in chosen]
    problems = [problem for problem in (future.exception() for future in futures) if problem]
    for problem in problems:
        if not isinstance(problem, LabError):
            raise problem
    if problems:
        raise LabError("\n".join(str(problem) for problem in problems))


def up() -> None:
    limits.lift()
    access.make()
    SHARED.mkdir(parents=True, exist_ok=True)
    files = {"hosts": network.etc_hosts(), "resolv.conf": f"nameserver {DNS_PRIMARY}\n", **access.ssh_files()}
    if network.up(files):
        each(lambda host: machines.stop(host, gently=False), hosts())
    each(ensure, hosts())


def down() -> None:
    each(lambda host: machines.stop(host, gently=True), hosts())
    network.down()
    # An SSH connection that outlives its network would hang whoever uses it again.
    shutil.rmtree(CONTROL, ignore_errors=True)


def rebuild(names: Iterable[str]) -> None:
    each(lambda host: ensure(host, fresh=True), [host for host in hosts() if host.name in names])


def ensure(host: Host, *, fresh: bool = False) -> None:
    """Leave a host running that matches its recipe; only a difference or a death makes it new or boots it again."""
    lowers, debs = images.prepare(host)
    files = hostfiles.common(host, access.public_key(), access.host_keys(host.name))
    if host.name == "world":
        files |= world.files(access.tsig_secret())
    wheels = images.wheels(host)
    recipe = _recipe([*lowers, *(part for part in (debs, wheels) if part)], files)
    home = machines.home(host)
    marker = home / "recipe"
    matches = marker.exists() and marker.read_text() == recipe and not fresh
    if matches and machines.process(host):
        machines.wait(host, ready(host))
        step(host.name, "is running")
        return
    machines.stop(host, gently=False)
    if not matches:
        if marker.exists() and not fresh:
            step(host.name, "its recipe changed, making it new")
        mounts.remove(home)
    root = mounts.mount(lowers, home)
    if not matches:
        hostfiles.write(root, files)
        marker.write_text(recipe)
    step(host.name, f"booting {host.suite}")
    machines.start(host, binds(host, debs, wheels))
    machines.wait(host, ready(host))
    step(host.name, "is ready")


def _recipe(parts: list[Path], files: dict[str, hostfiles.File]) -> str:
    """Names what a host is made of: these builds of its parts (a part built again is another one), these files."""
    described = {name: dataclasses.astuple(file) for name, file in files.items()}
    return cache.digest([[cache.identity(part) for part in parts], described])


def binds(host: Host, debs: Path | None, wheels: Path | None) -> list[str]:
    if host.name == "world":
        return [f"--bind={SHARED}:{world.SHARED}"]
    found = {images.REPOSITORY: debs, images.WHEELHOUSE: wheels}
    return [f"--bind-ro={part}:{place}" for place, part in found.items() if part]


def ssh(host: str) -> list[str]:
    options = ["-F", "/etc/ssh/ssh_config", "-o", "BatchMode=yes", "-o", "ConnectTimeout=2"]
    return ["ip", "netns", "exec", NETNS, "ssh", *options, host]


def ready(host: Host) -> list[str]:
    return [*ssh(host.name), world.READY if host.name == "world" else "true"]


def bench_zones(count: int) -> None:
    """Serve exactly this many empty zones beside the others, fresh on both servers."""
    step("world", f"making {count} zones")
    run([*ssh("world"), "python3 /opt/lab/bench_zones.py"], text=bind.bench(count))
    step("world", f"serves {count} bench zones")
