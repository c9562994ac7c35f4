# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A real BIND for tests and benchmarks, as this user's process on loopback addresses and a high port."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.dns.program import Program

NAMED = shutil.which("named", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
PRIMARY, SECONDARY = "127.0.0.1", "::1"  # named listens only on addresses that an interface has
KEY_NAME, KEY_SECRET = "mailfleet-test", "bWFpbGZsZWV0LXRlc3Qta2V5LW5vdC1hLXNlY3JldA=="

_HEAD = """
options {{
  directory "{directory}"; pid-file none; session-keyfile none; {lock}
  listen-on port {port} {{ {v4}; }}; listen-on-v6 port {port} {{ {v6}; }};
  recursion no; allow-transfer {{ any; }}; dnssec-validation no;
  allow-notify {{ ::1; }}; notify explicit; notify-delay 0; {options}
}};
controls {{ }};
logging {{ channel log {{ file "named.log"; severity info; print-time yes; }};
  category default {{ log; }}; category lame-servers {{ null; }}; }};
key "{key}" {{ algorithm hmac-sha256; secret "{secret}"; }};
key "other-key" {{ algorithm hmac-sha256; secret "{secret}"; }};
"""
_ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 1 3600 600 86400 60
@ IN NS ns1
ns1 IN A {primary}
{more}
"""


def _lock() -> str:
    """What lets several servers run side by side; BIND 9.20 has no lock file any more, and no option for it."""
    version = subprocess.run([str(NAMED), "-v"], capture_output=True, text=True, check=True).stdout
    return "lock-file none;" if version.startswith("BIND 9.18.") else ""


def free_port() -> int:
    """A port that is free on both addresses, for UDP and TCP, and none that the kernel gives to a client meanwhile."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        try:
            for address, family in ((PRIMARY, socket.AF_INET), (SECONDARY, socket.AF_INET6)):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(family, kind) as probe:
                        probe.bind((address, port))
        except OSError:
            continue
        return port


class Bind(Program):
    """`zones` maps a zone to more lines of its zone file."""

    def __init__(
        self,
        directory: Path,
        port: int,
        zones: Mapping[str, str],
        address: str = PRIMARY,
        options: str = "",
        primary: str = "",
        secondary: str = "",
        read_only: Iterable[str] = (),
    ) -> None:
        self.directory, self.address, self.port = directory, address, port
        directory.mkdir(parents=True)
        config = [
            _HEAD.format(
                directory=directory,
                lock=_lock(),
                port=port,
                v4="none" if ":" in address else address,
                v6=address if ":" in address else "none",
                options=options,
                key=KEY_NAME,
                secret=KEY_SECRET,
            )
        ]
        for number, (zone, more) in enumerate(zones.items()):
            file = f"{number}.zone"
            if primary:
                body = f"type secondary; primaries {{ {primary} port {port}; }};"
            else:
                (directory / file).write_text(_ZONE.format(primary=PRIMARY, more=more))
                allowed = "none" if zone in read_only else f'key "{KEY_NAME}"'
                notify = f"also-notify {{ {secondary} port {port}; }};" if secondary else ""
                body = f"type primary; allow-update {{ {allowed}; }}; {notify}"
            config.append(f'zone "{zone}" {{ file "{file}"; {body} }};')
        (directory / "named.conf").write_text("\n".join(config))

    @property
    def settings(self) -> dict[str, object]:
        return {
            "server": self.address,
            "port": self.port,
            "key_name": KEY_NAME,
            "key_secret": KEY_SECRET,
            "timeout": 2,
            "wait": 5,
        }

    def start(self) -> Bind:
        assert NAMED
        command = [NAMED, "-f", "-n", "1", "-c", str(self.directory / "named.conf")]
        with (self.directory / "stderr").open("wb") as output:
            self.process = subprocess.Popen(command, stderr=output, stdout=output)
        log = self.directory / "named.log"
        self.wait_until(lambda: " running\n" in log.read_text(errors="replace"), self.directory / "stderr")
        return self
