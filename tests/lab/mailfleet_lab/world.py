# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The world host: everything that a sender meets outside. Reads its sources, writes nothing."""

from __future__ import annotations

import dataclasses
import json

from . import bind, golden
from .hostfiles import File, enabled
from .settings import HERE, HOSTS, Host
from .zones import SERVERS, Table

PERSONAS = HERE.parent / "lab_personas"
SHARED = "/srv/lab"
UNITS = ("named-primary", "named-secondary", "personas", *golden.UNITS)
PERSONAS_UNIT = f"""[Unit]
Description=Lab receivers that behave like mailbox providers
After=network.target
[Service]
Type=notify
WorkingDirectory=/opt/lab
ExecStartPre=/opt/lab/make-certificate
ExecStart=/usr/bin/python3 -B -m lab_personas {SHARED} /etc/lab-tls.pem
LimitNOFILE=65536
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
READY = " && ".join(
    [f"systemctl is-active {' '.join(UNITS)}"]
    + [f"dig +short +time=1 +tries=1 @{server} SOA example.com | grep -q ^ns1" for server in SERVERS.values()]
    + [f": < /dev/tcp/{listener}" for listener in golden.LISTENS]
)
# One certificate for all: what senders check is that there is one, or the name in it.
CERTIFICATE = """#!/bin/sh
set -e
exec 9> /run/lab-tls.lock; flock 9
[ -s /etc/lab-tls.pem ] && exit
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=lab \\
    -addext 'subjectAltName={names}' -keyout /etc/lab-tls.key -out /etc/lab-tls.crt
cat /etc/lab-tls.key /etc/lab-tls.crt > /etc/lab-tls.pem
"""


def table() -> Table:
    return json.loads((PERSONAS / "table.json").read_text())


def _personas() -> Table:
    return {name: persona for name, persona in table().items() if "addresses" in persona}


def host() -> Host:
    """The world with the addresses of all personas."""
    world = HOSTS["world"]
    groups = [group for persona in _personas().values() for group in persona["addresses"].values()]
    masks = [f"{address}/{32 if ':' in address else 24}" for group in groups for address in group]
    return dataclasses.replace(world, addresses=(*world.addresses, *masks))


def files(secret: str) -> dict[str, File]:
    names = [name for persona in _personas().values() for name in persona["addresses"]]
    alternatives = ",".join(f"DNS:{name}" for name in [*names, golden.HOST])
    return {
        **bind.files(_personas(), secret),
        **golden.files(),
        **{f"opt/lab/lab_personas/{path.name}": File(path.read_text()) for path in sorted(PERSONAS.glob("*.*"))},
        **enabled("personas", PERSONAS_UNIT),
        "opt/lab/bench_zones.py": File((HERE.parent / "world_files/bench_zones.py").read_text()),
        "opt/lab/make-certificate": File(CERTIFICATE.format(names=alternatives), 0o755),
        # The receivers may start before the network has all its addresses.
        "etc/sysctl.d/lab.conf": File("net.ipv4.ip_nonlocal_bind = 1\nnet.ipv6.ip_nonlocal_bind = 1\n"),
    }
