# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the names in a log mean on this host: pools of instances, lanes, sender domains, ISP profiles. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OTHER_ISP = "other"
_LANE = re.compile(r"(.+?)-(\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3})\Z")
# The role powermta names a virtual MTA by its address.
_VMTA = re.compile(r"ip-(\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3})\Z")
_CACHE_LIMIT = 10_000
_NO_ADDRESS = ("", "0.0.0.0", "::")


class Names:
    """Made from the host's view (agent.json)."""

    def __init__(self, view: Mapping[str, Any]) -> None:
        self.pools: dict[str, str] = {pool["instance"]: pool["name"] for pool in view["pools"]}
        self._lanes = {
            lane["name"]: (str(lane["isp"]), str(lane["bind4"])) for pool in view["pools"] for lane in pool["lanes"]
        }
        self._sources: dict[str, tuple[str, str]] = {}  # pool and address, by address of either family
        for pool in view["pools"]:
            for lane in pool["lanes"]:
                for address in (lane["bind4"], lane.get("bind6")):
                    if address:
                        self._sources[address] = (pool["name"], str(lane["bind4"]))
        self._domains = {"": ""}
        for row in view["elsewhere"]:
            self._domains[row["return_path"]] = row["domain"]
        for row in view["elsewhere"]:
            self._domains[row["domain"]] = row["domain"]
        self._pool_of_domain = {str(row["domain"]): str(row["pool"]) for row in view["elsewhere"]}
        self._profiles = {str(isp["name"]) for isp in view["isps"]}
        self._isp_of_domain = {domain: str(isp["name"]) for isp in view["isps"] for domain in isp["domains"]}
        self._isp_of_host = {str(host).lstrip("*"): str(isp["name"]) for isp in view["isps"] for host in isp["mx"]}
        self._senders: dict[str, str] = {}

    def lane(self, name: str) -> tuple[str, str]:
        """ISP and address of a lane, also of one that the fleet no longer has; empty when the name is no lane's."""
        known = self._lanes.get(name)
        if known is None:
            match = _LANE.match(name)
            known = (match[1], match[2].replace("-", ".")) if match else ("", "")
        return known

    def source(self, address: str, vmta: str) -> tuple[str, str]:
        """Pool and address of what a virtual MTA sent, also from an address that the fleet no longer has."""
        if address in _NO_ADDRESS:
            match = _VMTA.match(vmta)
            address = match[1].replace("-", ".") if match else ""
        return self._sources.get(address, ("", address))

    def pool_of(self, domain: str) -> str:
        return self._pool_of_domain.get(domain, "")

    def profile(self, name: str) -> bool:
        return name in self._profiles

    def domain(self, sender: str) -> str:
        """The fleet domain that an envelope sender belongs to; its own domain when it is none of ours."""
        found = self._senders.get(sender)
        if found is None:
            name = sender.rpartition("@")[2].lower()
            found = self._domains.get(name, name)
            # Most senders repeat; those with a tag for every recipient must not fill the memory.
            if len(self._senders) < _CACHE_LIMIT:
                self._senders[sender] = found
        return found

    def isp(self, recipient_domain: str, host: str) -> str:
        """The profile of a recipient whose lane is not known, by its domain or by the host that answered."""
        known = self._isp_of_domain.get(recipient_domain)
        if known is not None or not host:
            return known or OTHER_ISP
        suffix = host.lower().rstrip(".")
        known = self._isp_of_host.get(suffix)
        while known is None and suffix:
            suffix = suffix.partition(".")[2]
            known = self._isp_of_host.get("." + suffix) if suffix else None
        return known or OTHER_ISP
