# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the lab consists of: hosts, addresses, packages, places."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# A second lab of another name can stand beside the first: same addresses, a network and state of its own.
NETNS = os.environ.get("MAILFLEET_LAB_NAME", "mailfleet")
BRIDGE = "lab"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mailfleet"
STATE = CACHE / ("lab" if NETNS == "mailfleet" else f"lab-{NETNS}")
# Where SSH keeps its connections to the hosts.
CONTROL = STATE / "cp"
RUN = Path(f"/run/{NETNS}-lab")
ETC_NETNS = Path("/etc/netns") / NETNS
HERE = Path(__file__).resolve().parent

# Every prefix is on-link for everybody: no routes, no gateway, no way out.
PREFIXES = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
CONTROLLER_ADDRESSES = ("198.51.100.1/24", "192.0.2.1/24", "203.0.113.1/24", "2001:db8:100::1/32")
DNS_PRIMARY = "192.0.2.53"
DNS_SECONDARY = "192.0.2.54"
TSIG_NAME = "mailfleet-lab"
GOLDEN_ADDRESS = "203.0.113.100"
GOLDEN_DOMAIN = "golden.example"
REPORTS_DOMAIN = "reports.example.net"  # takes DMARC reports; rspamd writes to known suffixes only

BASE_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-apt", "iproute2", "procps", "ca-certificates",
    "openssh-server", "sudo",
)  # fmt: skip
SENDER_PACKAGES = (
    "postfix", "postfix-lmdb", "postfix-pcre", "rspamd", "dovecot-core", "openssl", "logrotate", "python3-cryptography",
    "python3-dnspython", "python3-lmdb", "python3-prometheus-client",
    # What the stand-in for PowerMTA needs; the real one brings its own.
    "python3-aiosmtpd", "python3-dkim",
    # For the environment of parsedmarc.
    "python3-venv",
    # Makes the library by which tests set a host's clock.
    "tcc",
)  # fmt: skip
# What pip may install on a sender, for the Python of its suite.
WHEELS = ("parsedmarc==11.1.0",)
UNBUILT = ("authres", "dkimpy")  # of those they need, the ones that PyPI has as sources only
PYTHON = {"bookworm": "3.11"}
WORLD_PACKAGES = (
    "bind9", "bind9-utils", "bind9-dnsutils", "postfix", "rspamd", "redis-server", "openssl", "swaks", "curl",
)  # fmt: skip


@dataclass(frozen=True)
class Host:
    """One machine of the lab."""

    name: str
    suite: str
    addresses: tuple[str, ...]
    packages: tuple[str, ...]
    preinstalled: bool = False  # True: the packages are part of its image; False: they wait in a file: repository

    @property
    def address(self) -> str:
        return self.addresses[0].partition("/")[0]


HOSTS = {
    host.name: host
    for host in (
        Host("mx1", "bookworm", ("198.51.100.11/24", "2001:db8:100::11/32"), SENDER_PACKAGES),
        Host("mx2", "trixie", ("198.51.100.12/24", "2001:db8:100::12/32"), SENDER_PACKAGES),
        Host(
            "world",
            "bookworm",
            (f"{DNS_PRIMARY}/24", f"{DNS_SECONDARY}/24", f"{GOLDEN_ADDRESS}/24", "2001:db8:203::100/32"),
            WORLD_PACKAGES,
            preinstalled=True,
        ),
    )
}
