# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""BIND of the lab: a primary and a secondary, two daemons of one host. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from .hostfiles import File, enabled
from .settings import DNS_PRIMARY, DNS_SECONDARY, TSIG_NAME
from .zones import HEAD, Table, bench_zones, dynamic, static

PORTS = {"primary": 953, "secondary": 954}
OPTIONS = """options {{
    directory "/var/lib/named-{role}";
    pid-file "/run/named-{role}/named.pid";
    session-keyfile "/run/named-{role}/session.key";
    listen-on {{ {address}; }};
    listen-on-v6 {{ none; }};
    notify-source {address};
    transfer-source {address};
    recursion yes;
    allow-query {{ any; }};
    allow-recursion {{ any; }};
    allow-transfer {{ any; }};
    dnssec-validation no;
    empty-zones-enable no;
    minimal-responses yes;
    notify-delay 0;
    notify-rate 2000;
    startup-notify-rate 2000;
    serial-query-rate 2000;
    min-refresh-time 2;
    min-retry-time 1;
    transfers-in 100;
    transfers-out 100;
    transfers-per-ns 100;
    tcp-clients 1000;
}};
include "/etc/named-rndc.key";
controls {{ inet 127.0.0.1 port {port} allow {{ 127.0.0.1; }} keys {{ "{key}"; }}; }};
include "/etc/named-{role}/zones.conf";
include "/etc/named-{role}/bench.conf";
"""
UNIT = """[Unit]
Description=Lab DNS, {role}
After=network.target
[Service]
ExecStart=/usr/sbin/named -f -u bind -c /etc/named-{role}/named.conf
RuntimeDirectory=named-{role}
ExecStartPre=/bin/chown -R bind: /var/lib/named-{role} /run/named-{role}
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""


def files(table: Table, secret: str) -> dict[str, File]:
    """Everything the two daemons need, by path."""
    zones = dynamic()
    result = {"var/lib/named-primary/static.zone": File(static(table))}
    for name, text in zones.items():
        result[f"var/lib/named-primary/{name}.zone"] = File(text)
    for role, address in (("primary", DNS_PRIMARY), ("secondary", DNS_SECONDARY)):
        home = f"etc/named-{role}"
        conf = OPTIONS.format(role=role, address=address, key=TSIG_NAME, port=PORTS[role])
        rest = f"type primary; notify explicit; also-notify {{ {DNS_SECONDARY}; }};"
        if role == "secondary":
            rest = f"type secondary; primaries {{ {DNS_PRIMARY}; }};"
        root = f'zone "." {{ file "static.zone"; {rest} }};\n'
        result[f"{home}/named.conf"] = File(conf, 0o644)
        result[f"{home}/zones.conf"] = File(root + statements(role, zones))
        result[f"{home}/bench.conf"] = File("")
        result |= enabled(f"named-{role}", UNIT.format(role=role))
    # One key for updates and for rndc: whoever may do the one may do the other.
    key = f'key "{TSIG_NAME}" {{ algorithm hmac-sha256; secret "{secret}"; }};\n'
    result["etc/named-rndc.key"] = File(key)
    result["var/lib/named-secondary/.keep"] = File("")
    result["etc/systemd/system/named.service"] = File("/dev/null", link=True)
    return result


def statements(role: str, names: Iterable[str]) -> str:
    """Zone statements of dynamic zones: the primary takes updates, the secondary follows by NOTIFY and IXFR."""
    if role == "primary":
        body = (
            f'type primary; file "%s.zone"; allow-update {{ key "{TSIG_NAME}"; }};'
            f" notify explicit; also-notify {{ {DNS_SECONDARY}; }};"
        )
    else:
        body = f'type secondary; file "%s.zone"; primaries {{ {DNS_PRIMARY}; }};'
    return "".join(f'zone "{name}" {{ {body % name} }};\n' for name in names)


def bench(count: int) -> str:
    """What world_files/bench_zones.py reads: this many empty zones."""
    names = bench_zones(count)
    wanted = {"names": names, "text": HEAD, "secondary": DNS_SECONDARY}
    return json.dumps({**wanted, "statements": {role: statements(role, names) for role in PORTS}})
