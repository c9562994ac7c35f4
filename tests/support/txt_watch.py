# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""As a program inside the lab's network: print the TXT records of names, and each change, until standard input ends."""

from __future__ import annotations

import json
import select
import sys
import time

import dns.message
import dns.query

SERVERS = ("192.0.2.53", "192.0.2.54")
PAUSE = 0.1


def values(name: str, server: str) -> list[str]:
    answer = dns.query.udp(dns.message.make_query(name, "TXT"), server, timeout=2)
    return sorted(b"".join(rdata.strings).decode() for rrset in answer.answer for rdata in rrset)


def main() -> None:
    known: dict[tuple[str, str], list[str]] = {}
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        for place in [(name, server) for name in sys.argv[1:] for server in SERVERS]:
            found = values(*place)
            if known.get(place) != found:
                known[place] = found
                line = {"time": time.time(), "name": place[0], "server": place[1], "values": found}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
