# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the tests ask of a sender, in the words of the MTA that it runs."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.support import lab


class Postfix:
    """One instance a pool."""

    name = "postfix"
    # The answer to an application that sends as a domain of another pool.
    foreign_sender = "553"
    # Every port takes every sender; its domain says the pool.
    any_port = False
    # What an address has that leaves goes by the other ones of its pool.
    hands_over = False
    # What a run configures first.
    first = "dkim"
    # The agent's services that see the mail.
    services = ("steer", "ledger")
    # What an address is refused goes by the other ones of its pool at once.
    takes_over = True
    # A connection carries several messages.
    keeps_connections = False
    # Mail that waits when it stops may leave when it starts, until the agent sees that.
    forgets_pauses = False
    # What unsettles a host that has pool campaign, and loses nothing.
    storm = (
        "postfix -c /etc/postfix-campaign reload; logrotate -f /etc/logrotate.d/mailfleet-postfix;"
        " systemctl reload mailfleet-steer; systemctl restart mailfleet-ledger mailfleet-policy"
    )
    # Values of the role that its MTA cannot work with, and what a run says of them where port 2599 is also taken.
    nonsense = '{"postfix_classes": {"marketing": {"bogus_parameter": 1}}}'
    about_nonsense = (
        r"mx1: sh bin/check refused the new configuration: postfix-campaign: error: port 2599 is taken by python3 "
        r"\(PID \d+\); postconf: warning: postfix-campaign/main.cf: unused parameter: bogus_parameter=1\. "
        r"Correct what it names\. The live configuration is unchanged\."
    )
    # ... of a port that nobody sees to be taken.
    about_port = (
        r"mx1: the new Postfix configuration was refused and the previous one is back: does not greet: "
        r"postfix-campaign on port 2599 \(.*fatal: bind .* port 2599: Address already in use\)"
    )
    # A file of the configuration and a line for it, and another file with one of its lines.
    edited = ("/etc/mailfleet/postfix/live/postfix-campaign/main.cf", "smtp_helo_timeout = 1s")
    removed = (
        "/etc/mailfleet/dkim/live/pools.map",
        "tx.example.com trans 198.51.100.11:2587, 198.51.100.12:2587",
    )
    # Lets the signer read its keys anew, and the answer to mail of a domain whose key is gone.
    forget_keys = "systemctl restart rspamd"
    without_key = "451 4.7.1 cannot sign for {} with selector mf1 now"

    def __init__(self, host: str) -> None:
        self.host = host

    def lane(self, address: str, helo: str) -> str:
        """How a diff shows that this address has this HELO."""
        return f"smtp_helo_name={helo}"

    def unit(self, pool: str) -> str:
        return f"mailfleet-postfix@{pool}"

    def queued(self, pool: str) -> int:
        return int(lab.ssh(self.host, f"postqueue -c /etc/postfix-{pool} -j | wc -l"))

    def waiting(self, pool: str) -> str:
        """The pool's queue as its administrator sees it, with the receivers' words."""
        return lab.ssh(self.host, f"postqueue -c /etc/postfix-{pool} -p")

    def paused(self, pool: str, reason: str, isp: str = "") -> bool:
        """Who looks at the pool's queue sees that its mail, or that for the ISP, is paused."""
        return reason in self.waiting(pool)

    def flush(self, pool: str) -> None:
        lab.ssh(self.host, f"postqueue -c /etc/postfix-{pool} -f")

    def reload(self, pool: str) -> None:
        lab.ssh(self.host, f"systemctl reload {self.unit(pool)}")

    def sends_from(self, pool: str, address: str) -> bool:
        return address.replace(".", "-") in lab.ssh(self.host, f"postconf -c /etc/postfix-{pool} -M")

    def serves(self, pool: str) -> bool:
        unit = self.unit(pool)
        states = lab.ssh(self.host, f"systemctl is-active {unit}; systemctl is-enabled {unit}", check=False).split()
        assert states in (["inactive", "disabled"], ["active", "enabled"]), states
        return states == ["active", "enabled"]

    def queue_command(self, pool: str) -> str:
        return f"postqueue -c /etc/postfix-{pool} -p"


class PowerMta:
    """One server; a pool is a virtual-mta-pool."""

    name = "powermta"
    any_port = True
    hands_over = True
    # PowerMTA asks for the sender when it chooses the virtual MTA: what belongs to no pool goes back.
    foreign_sender = "250"
    first = "powermta"
    services = ("ledger",)
    takes_over = False
    keeps_connections = True
    forgets_pauses = True
    storm = "pmta reload; pmta rotate acct; systemctl restart mailfleet-ledger"
    nonsense = '{"powermta_local": "max-smpt-out 3"}'
    about_nonsense = r'/etc/pmta/local\.conf:\d+: error: "max-smpt-out" is not a directive of PowerMTA\. Did you mean'
    about_port = (
        r"mx1: PowerMTA refused its new configuration and has the previous one again: "
        r"Error: smtp-listener 0\.0\.0\.0:2599 cannot be opened: .*address already in use"
    )
    edited = ("/etc/mailfleet/powermta/live/isps.conf", "# by hand")
    removed = ("/etc/mailfleet/powermta/live/pools.conf", "<virtual-mta-pool campaign>")
    # It refuses such a reload, and goes on with the keys that it has.
    forget_keys = "! pmta reload"
    without_key = "250"

    def __init__(self, host: str) -> None:
        self.host = host

    def lane(self, address: str, helo: str) -> str:
        return f"smtp-source-host {address} {helo}"

    def unit(self, pool: str) -> str:
        return "pmta"

    def _rows(self, command: str, kind: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(lab.ssh(self.host, f"pmta --json {command}"))["data"][kind]
        return found

    def queued(self, pool: str) -> int:
        return sum(row["pool"] == pool for row in self._rows("list", "msg"))

    def waiting(self, pool: str) -> str:
        return lab.ssh(self.host, "pmta show topqueues")

    def paused(self, pool: str, reason: str, isp: str = "") -> bool:
        block = self._block(pool)
        rows = self._rows(f"show queues '{f'{isp}.rollup' if isp else '*'}/*'", "queue")
        own = [row["paused"] for row in rows if f"virtual-mta {str(row['name']).partition('/')[2]}\n" in block]
        return bool(own) and all(own)

    def flush(self, pool: str) -> None:
        lab.ssh(self.host, "pmta schedule --retry-recipients '*/*'")

    def reload(self, pool: str) -> None:
        assert "Configuration reloaded." in lab.ssh(self.host, "pmta reload")

    def sends_from(self, pool: str, address: str) -> bool:
        return address in lab.ssh(self.host, "cat /etc/pmta/virtual-mtas.conf")

    def serves(self, pool: str) -> bool:
        if pool == "entry":
            return " 587 " in lab.ssh(self.host, "ss -ltnH | tr ':' ' '")
        return bool(self._block(pool))

    def _block(self, pool: str) -> str:
        """The lines of a pool in the configuration; none when it is not there."""
        _before, _tag, block = lab.ssh(self.host, "cat /etc/pmta/pools.conf").partition(f"<virtual-mta-pool {pool}>")
        return block.partition("</virtual-mta-pool>")[0]

    def queue_command(self, pool: str) -> str:
        return "pmta show topqueues"


BACKENDS: dict[str, type[Postfix | PowerMta]] = {"postfix": Postfix, "powermta": PowerMta}


def groups(inventory: Path = lab.INVENTORY) -> dict[str, dict[str, dict[str, str]]]:
    """The senders by the group that chooses their MTA, with what the inventory says of each."""
    children = yaml.safe_load((inventory / "hosts.yml").read_text())["senders"]["children"]
    return {name: group.get("hosts") or {} for name, group in children.items() if name in BACKENDS}


def backend(host: str) -> Postfix | PowerMta:
    return next(BACKENDS[name](host) for name, hosts in groups().items() if host in hosts)
