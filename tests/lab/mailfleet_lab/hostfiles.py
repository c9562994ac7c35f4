# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The files every lab host gets before it boots."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from .images import LOCAL_SOURCE
from .settings import DNS_PRIMARY, DNS_SECONDARY, PREFIXES, Host


@dataclass(frozen=True)
class File:
    """A file to write into a root; links are files whose text is their target."""

    text: str
    mode: int = 0o644
    link: bool = False


def enabled(name: str, unit: str) -> dict[str, File]:
    """A systemd service and the link that starts it at boot."""
    path = f"etc/systemd/system/{name}.service"
    wants = f"etc/systemd/system/multi-user.target.wants/{name}.service"
    return {path: File(unit), wants: File(f"/{path}", link=True)}


def write(root: Path, files: dict[str, File]) -> None:
    for name, file in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or (file.link and path.exists()):
            path.unlink()
        if file.link:
            os.symlink(file.text, path)
            continue
        path.touch(mode=file.mode)
        path.write_text(file.text)
        path.chmod(file.mode)


def common(host: Host, public_key: str, host_keys: dict[str, str]) -> dict[str, File]:
    files = {
        "etc/hostname": File(f"{host.name}\n"),
        "etc/hosts": File(f"127.0.0.1 localhost\n::1 localhost\n{host.address} {host.name}\n"),
        "etc/resolv.conf": File(
            f"nameserver {DNS_PRIMARY}\nnameserver {DNS_SECONDARY}\noptions timeout:2 attempts:2\n"
        ),
        "etc/systemd/network/10-host0.network": File(_network(host)),
        "root/.ssh/authorized_keys": File(public_key, 0o600),
        "etc/ssh/ssh_host_ed25519_key": File(host_keys["private"], 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": File(host_keys["public"]),
        "etc/ssh/sshd_config.d/lab.conf": File(
            "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\nMaxStartups 100:30:200\nMaxSessions 100\n"
        ),
    }
    if not host.preinstalled:
        files["etc/apt/sources.list"] = File(LOCAL_SOURCE)
        files["etc/apt/apt.conf.d/80lab"] = File('Acquire::Languages "none";\n')
    return files


def _network(host: Host) -> str:
    addresses = "".join(f"[Address]\nAddress={address}\nDuplicateAddressDetection=none\n" for address in host.addresses)
    # Routes of its own addresses come by themselves; the other prefixes are neighbours on the same wire.
    own = [ipaddress.ip_interface(address).network for address in host.addresses]
    others = [prefix for prefix in map(ipaddress.ip_network, PREFIXES) if prefix not in own]
    routes = "".join(f"[Route]\nDestination={prefix}\nScope=link\n" for prefix in others)
    return f"[Match]\nName=host0\n[Network]\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n{addresses}{routes}"
