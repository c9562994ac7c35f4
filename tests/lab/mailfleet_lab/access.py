# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Keys of the lab: SSH for root on its hosts, TSIG for its zones. Made once, kept with the lab's state."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from .settings import HOSTS, STATE
from .shell import run

SSH = STATE / "ssh"


def _make_key(path: Path) -> None:
    if not path.exists() or not path.with_suffix(".pub").exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"mailfleet lab {path.name}", "-f", path])


def make() -> None:
    _make_key(SSH / "id_ed25519")
    for name in HOSTS:
        _make_key(SSH / f"host_{name}")
    secret = STATE / "tsig.secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(base64.b64encode(os.urandom(32)).decode())


def tsig_secret() -> str:
    return (STATE / "tsig.secret").read_text()


def public_key() -> str:
    return (SSH / "id_ed25519.pub").read_text()


def host_keys(name: str) -> dict[str, str]:
    """The host keeps its key when it is rebuilt, so nobody has to ignore changed keys."""
    key = SSH / f"host_{name}"
    return {"private": key.read_text(), "public": key.with_suffix(".pub").read_text()}


def ssh_files() -> dict[str, str]:
    """SSH client files; in the lab's network they take the place of those in /etc/ssh, so `ssh mx1` just works."""
    known = [f"{host.name},{host.address} {(SSH / f'host_{host.name}.pub').read_text()}" for host in HOSTS.values()]
    options = ("User root", f"IdentityFile {SSH / 'id_ed25519'}", "StrictHostKeyChecking yes")
    config = "\n  ".join(["Host *", *options, "UserKnownHostsFile /dev/null"]) + "\n"
    return {"ssh/ssh_config": config, "ssh/ssh_known_hosts": "".join(known)}
