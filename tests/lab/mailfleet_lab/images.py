# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Root file systems and package repositories, each built once and cached by its recipe."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from . import mounts
from .cache import built
from .mirror import apt_settings, mirror
from .settings import BASE_PACKAGES, CACHE, PYTHON, UNBUILT, WHEELS, Host
from .shell import run
from .ui import LabError, step

REPOSITORY = "/srv/mailfleet-apt"
WHEELHOUSE = "/srv/mailfleet-wheels"
# apt's timers would hold the package lock in the middle of a test; waiting for the network delays the boot.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "systemd-networkd-wait-online.service", "console-getty.service")
HOOKS = (
    'chroot "$1" systemctl enable systemd-networkd.service',
    f'chroot "$1" systemctl mask {" ".join(MASKED)}',
    'rm -f "$1"/etc/ssh/ssh_host_*',
)
LOCAL_SOURCE = f"deb [trusted=yes] file:{REPOSITORY} ./\n"


def base(suite: str) -> Path:
    """A bare Debian with systemd, SSH and Python."""
    command = ["mmdebstrap", "--variant=minbase", "--format=directory", f"--include={','.join(BASE_PACKAGES)}"]
    command += [f"--customize-hook={hook}" for hook in HOOKS]

    def build(root: Path) -> None:
        step(suite, "building the base image")
        try:
            run([*command, suite, root, mirror()], log=CACHE / "logs" / f"base-{suite}.log")
        except LabError as problem:
            raise LabError(f"The base image of {suite} cannot be built from {mirror()}: {problem}") from None

    return built("images", f"base-{suite}", [command, suite], build)


def repository(suite: str, packages: Sequence[str], lower: Path) -> Path:
    """A directory of .debs with an index: these packages and what they need beyond the base image."""

    def build(target: Path) -> None:
        work = target.parent / "work"
        archives = work / "archives"
        step(suite, f"downloading {len(packages)} packages and what they need")
        with mounts.scratch([lower], work) as root:
            archives.mkdir()
            sources = "".join(f"deb {mirror()} {name} main\n" for name in (suite, f"{suite}-updates"))
            (root / "etc/apt/sources.list").write_text(sources)
            (root / "etc/apt/apt.conf.d/80lab").write_text("\n".join(apt_settings()) + "\n")
            binds = (f"--bind={archives}:/srv/archives", f"--bind={target}:{REPOSITORY}")
            script = (
                "set -e; export DEBIAN_FRONTEND=noninteractive; apt-get -q update; get='apt-get -qy"
                " --no-install-recommends install'; $get apt-utils; mkdir -p /srv/archives/partial;"
                f" $get --download-only -o Dir::Cache::archives=/srv/archives {' '.join(packages)};"
                f" cp /srv/archives/*.deb {REPOSITORY}/; cd {REPOSITORY}; apt-ftparchive packages . > Packages;"
                " apt-ftparchive release . > Release.new; mv Release.new Release"
            )
            inside(root, script, binds, CACHE / "logs" / f"repo-{suite}-{len(packages)}.log")
        mounts.remove(work)

    return built("repositories", suite, [suite, sorted(packages), lower.parent.name], build)


def wheels(host: Host) -> Path | None:
    """A directory of Python packages with what they need, for hosts where something is installed with pip."""
    if host.preinstalled or host.suite not in PYTHON:
        return None
    builds = [
        f"--platform={kind}_{platform.machine()}" for kind in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    ]
    options = ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON[host.suite]}", *builds, *WHEELS]

    def build(target: Path) -> None:
        step(host.suite, f"downloading {' '.join(WHEELS)} and what it needs")
        pip, log = (
            [sys.executable, "-m", "pip", "--disable-pip-version-check"],
            CACHE / "logs" / f"wheels-{host.suite}.log",
        )
        run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", target, *UNBUILT], log=log)
        run([*pip, "download", "--quiet", "--find-links", target, "--dest", target, *options], log=log)

    return built("wheels", host.suite, [options, UNBUILT], build)


def layer(suite: str, packages: Sequence[str], lower: Path, debs: Path) -> Path:
    """The changes that installing these packages makes to the base image, nothing started."""

    def build(target: Path) -> None:
        work = target.parent / "work"
        step(suite, f"installing {len(packages)} packages into an image")
        with mounts.scratch([lower], work) as root:
            (root / "etc/apt/sources.list").write_text(LOCAL_SOURCE)
            (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
            (root / "usr/sbin/policy-rc.d").chmod(0o755)
            script = (
                "set -e; export DEBIAN_FRONTEND=noninteractive; apt-get -q update;"
                f" apt-get -qy --no-install-recommends install {' '.join(packages)}; apt-get clean;"
                " rm -f /usr/sbin/policy-rc.d /var/lib/apt/lists/*_*"
            )
            binds = (f"--bind-ro={debs}:{REPOSITORY}",)
            inside(root, script, binds, CACHE / "logs" / f"layer-{suite}-{len(packages)}.log")
        target.rmdir()
        (work / "upper").rename(target)
        mounts.remove(work)

    return built("layers", suite, [suite, sorted(packages), debs.parent.name], build)


def inside(root: Path, script: str, binds: Sequence[str], log: Path) -> None:
    """Run a shell script in a root file system, with this machine's network and names."""
    command: list[str | Path] = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2", "--pipe"]
    command += ["-D", root]
    command += ["--resolv-conf=copy-host", "--timezone=off", "--link-journal=no", "--bind-ro=/etc/hosts", *binds]
    log.unlink(missing_ok=True)
    run([*command, "/bin/sh", "-c", script], log=log)


def prepare(host: Host) -> tuple[list[Path], Path | None]:
    """Everything a host's root needs: the lower directories, topmost first, and its package repository."""
    lower = base(host.suite)
    debs = repository(host.suite, host.packages, lower)
    if not host.preinstalled:
        return [lower], debs
    return [layer(host.suite, host.packages, lower, debs), lower], None
