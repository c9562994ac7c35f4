# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write an inventory of any size, for measuring.

Half of the addresses of every host and half of the domains belong to each of two pools.
"""

from __future__ import annotations

import argparse
import ipaddress
import itertools
import json
from pathlib import Path

POOLS = ("trans", "campaign")
# RFC 2544 keeps this network for measurements: no address of it is anyone's.
NETWORK = ipaddress.ip_network("198.18.0.0/15")


def inventory(hosts: int, addresses: int, domains: int, isps: int | None = None) -> dict[str, dict]:
    """Files of the inventory by path; isps keeps that many profiles beside the default one."""
    usable = (str(address) for address in NETWORK.hosts() if int(address) % 256 not in (0, 255))
    names = [f"mx{number}" for number in range(1, hosts + 1)]
    management = dict(zip(names, usable))
    files: dict[str, dict] = {
        "hosts.json": {
            "senders": {
                "children": {"postfix": {"hosts": {name: {"ansible_host": management[name]} for name in names}}}
            }
        },
        "group_vars/all.json": {
            "fleet_pools": {"trans": {"traffic": "transactional"}, "campaign": {"traffic": "marketing"}},
            "fleet_domains": {
                f"sender{number}.example.com": {"pool": POOLS[number % 2]} for number in range(1, domains + 1)
            },
            **_profiles(isps),
        },
    }
    for name in names:
        files[f"host_vars/{name}.json"] = {
            "fleet_ips": {
                address: {"helo": f"{name}-{number}.example.com", "pool": POOLS[number % 2]}
                for number, address in enumerate(itertools.islice(usable, addresses))
            }
        }
    return files


def _profiles(isps: int | None) -> dict[str, dict]:
    if isps is None:
        return {}
    return {
        "fleet_isp_profiles": {
            f"isp{number}": {
                "connections": 5,
                "domains": [f"isp{number}.example.net"],
                "mx": [f"*.mx{number}.example.net"],
            }
            for number in range(1, isps + 1)
        }
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--addresses", type=int, default=10, help="source addresses of each host")
    parser.add_argument("--domains", type=int, default=1000)
    parser.add_argument("--isps", type=int, help="that many invented ISP profiles instead of the shipped ones")
    arguments = parser.parse_args()
    files = inventory(arguments.hosts, arguments.addresses, arguments.domains, arguments.isps)
    for name, content in files.items():
        path = arguments.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
