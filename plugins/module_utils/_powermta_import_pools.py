# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The pools and source addresses of a PowerMTA configuration, and how many connections they may use. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_isps import Profiles
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_lines import Lines
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_warmup import MOST, PLAN, WarmUps
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block, Setting
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_view import NO_POOL

Plain = dict[str, Any]
_POOL = re.compile(r"[^a-z0-9_-]+")
# What the role prints for every queue of a pool, by the traffic class.
_PRIORITIES = {"90": "transactional", "50": "marketing", "30": "cold", "70": "internal"}
_WORDS = (
    ("transactional", ("trans", "2fa", "otp", "alert", "notif", "receipt", "triggered")),
    ("cold", ("cold", "outreach", "prospect")),
    ("internal", ("internal", "staff", "corporate")),
)


class Pools:
    def __init__(self, lines: Lines, profiles: Profiles, classes: Mapping[str, Mapping[str, Any]], today: str) -> None:
        self._lines = lines
        self._profiles = profiles
        self._classes = classes
        self._today = today
        self.pools: dict[str, Plain] = {}
        self.ips: dict[str, Plain] = {}
        # Names that sources and lists use: of pools and of virtual-MTAs.
        self.pool_of: dict[str, str] = {}
        self._limits: dict[str, dict[str, int]] = {}
        self._globals = {
            tag: int(value)
            for block in lines.root.blocks
            if block.tag == "domain" and (tag := self._tag(block)) and (value := lines.take(block, "max-smtp-out"))
            if value.isdecimal() and int(value)
        }
        blocks = {block.argument: block for block in lines.root.blocks if block.tag == "virtual-mta"}
        self._warmups = WarmUps(lines, profiles.profile_of, blocks, today)
        for pool in lines.root.blocks:
            if pool.tag == "virtual-mta-pool":
                self._pool(pool, blocks)
        self._beside(blocks)
        for name, vmta in blocks.items():
            if name not in self.pool_of and name != NO_POOL:
                own = self._new_pool(name, vmta)
                if self._vmta(vmta, own):
                    lines.note(
                        vmta, f"virtual-MTA {name} is in no pool and becomes the pool {own}. See which it should be."
                    )
                else:
                    del self.pools[own]
        if NO_POOL in blocks:
            for inner in blocks[NO_POOL].blocks:
                usual = {"smtp_hosts": "[127.0.0.1]:1", "retry_after": "1s", "bounce_after": "1s"}
                lines.expect(inner, disable_mx_rollup="yes", **usual)

    def _tag(self, block: Block) -> str:
        return block.argument if "$" in block.argument else block.argument.lower()

    # ---- pools -------------------------------------------------------------------------------------------------------

    def _new_pool(self, name: str, block: Block) -> str:
        own = _POOL.sub("-", name.lower()).strip("-")[:32]
        if not own[:1].isalpha() or own in ("entry", "live"):
            own = f"pool-{own}"[:32].rstrip("-")
        if own != name:
            self._lines.note(
                block, f"{name} is no name of a pool and becomes {own}. Change it in your own programs, too."
            )
        while own in self.pools:
            own = f"{own[:30]}-2"
        self.pools[own] = {"traffic": "marketing"}
        self.pool_of[name] = own
        return own

    def _pool(self, block: Block, vmtas: Mapping[str, Block]) -> None:
        lines, name = self._lines, self._new_pool(block.argument, block)
        self._traffic(name, block)
        seen = set()
        for setting in lines.all(block, "virtual-mta"):
            if setting.value in seen:
                lines.note(setting, f"{setting.value} stands twice: the model of PowerMTA's pools has no weights.")
            elif setting.value in vmtas:
                if setting.value in self.pool_of:
                    other = self.pool_of[setting.value]
                    lines.note(setting, f"{setting.value} stays in the pool {other}: an address has one pool.")
                else:
                    self.pool_of[setting.value] = name
                    self._vmta(vmtas[setting.value], name)
            seen.add(setting.value)
        for setting in lines.all(block, "cold-virtual-mta"):
            lines.note(setting, "cold-virtual-mta is the warm-up of the model: give its address warmup {plan, start}.")
            if setting.value in vmtas and setting.value not in self.pool_of:
                self.pool_of[setting.value] = name
                self._vmta(vmtas[setting.value], name)
        limits = self._limits_of(block)
        if limits:
            self._limits[name] = limits

    def _beside(self, vmtas: Mapping[str, Block]) -> None:
        """Virtual-MTAs that warm up and are members of no pool."""
        for name, other in (*self._warmups.warm_of.items(), *self._warmups.waiting.items()):
            pool = self.pool_of.get(other)
            if pool and name not in self.pool_of:
                self._vmta(vmtas[name], pool)
                usual = {
                    key.replace("-", "_"): str(value)
                    for key, value in self._classes[self.pools[pool]["traffic"]].items()
                }
                for inner in vmtas[name].blocks if name in self._warmups.warm_of else ():
                    if inner.argument == "*":
                        self._lines.expect(inner, **usual)

    def _limits_of(self, block: Block) -> dict[str, int]:
        return {
            self._tag(inner): int(value)
            for inner in block.blocks
            if inner.tag == "domain" and (value := self._lines.take(inner, "max-smtp-out"))
            if value.isdecimal() and int(value)
        }

    def _traffic(self, name: str, block: Block) -> None:
        every = next((inner for inner in block.blocks if inner.tag == "domain" and inner.argument == "*"), None)
        traffic = _PRIORITIES.get((every.last("queue-priority") if every else None) or "")
        if traffic:
            expected = {key.replace("-", "_"): str(value) for key, value in self._classes.get(traffic, {}).items()}
            self._lines.expect(every or block, **expected)
        else:
            words = (kind for kind, signs in _WORDS if any(sign in name for sign in signs))
            traffic = next(words, "marketing")
            self._lines.note(
                block, f"pool {name} is taken for {traffic} by its name. See that its traffic class is right."
            )
        self.pools[name] = {"traffic": traffic}

    # ---- addresses ---------------------------------------------------------------------------------------------------

    def _sources(self, block: Block) -> Iterator[tuple[Setting, str, str]]:
        """Each address with its name for HELO. Old configurations have the two on lines of their own."""
        for setting in self._lines.all(block, "smtp-source-host"):
            address, _blank, helo = setting.value.replace("\t", " ").partition(" ")
            yield setting, address, helo.strip()
        for setting in self._lines.all(block, "smtp-source-ip"):
            yield setting, setting.value, self._lines.take(block, "host-name") or ""

    def _vmta(self, block: Block, pool: str) -> bool:
        lines, found = self._lines, []
        self.pool_of[block.argument] = pool
        for setting, address, helo in self._sources(block):
            try:
                text = ipaddress.ip_address(address).compressed
            except ValueError:
                lines.note(setting, f"{address} is no address.")
                continue
            if text in self.ips:
                lines.note(setting, f"{text} has the pool {self.ips[text]['pool']} already: an address has one pool.")
                continue
            self.ips[text] = {"helo": helo.lower(), "pool": pool}
            found.append(text)
        if not found:
            lines.note(block, f"virtual-MTA {block.argument} has no address of its own. Give its pool an address.")
        limits = self._limits_of(block)
        warming = block.argument in self._warmups.start_of
        if (limits or warming) and found:
            if warming or max(limits.values()) <= MOST:
                for text in found:
                    self.ips[text]["warmup"] = {
                        "plan": PLAN,
                        "start": self._warmups.start_of.get(block.argument, self._today),
                    }
                lines.note(
                    block,
                    f"virtual-MTA {block.argument} has the limits of a warm-up. Set warmup.start to its first day.",
                )
            else:
                lines.note(block, f"limits of virtual-MTA {block.argument} alone are those of its pool now.")
        return bool(found)

    # ---- connections -------------------------------------------------------------------------------------------------

    def _observed(self, pool: str, profile: str) -> int | None:
        tags = self._profiles.found[profile].tags if profile in self._profiles.found else []
        own = self._limits.get(pool, {})
        for level in (own, self._globals):
            values = [level[tag] for tag in tags if tag in level]
            if len(set(values)) > 1:
                shown = ", ".join(map(str, values))
                text = f"pool {pool} has {shown} connections to the parts of {profile}, and gets the least for all."
                self._lines.note(self._lines.root, text)
            if values or "*" in level:
                return min(values) if values else level["*"]
        return None

    def connections(self, shipped: Mapping[str, model.Isp]) -> dict[str, int]:
        """What to set as connections of the profiles; the pools get their connections_per_ip where it differs."""
        # A shipped profile that the configuration does not name keeps what is known of that receiver.
        names = sorted(self._profiles.found)
        seen = {pool: {isp: self._observed(pool, isp) for isp in names} for pool in self.pools}
        usual = shipped[model.DEFAULT_ISP].connections
        base = {isp: shipped[isp].connections if isp in shipped else usual for isp in names}
        caps = {pool: self._cap(pool, row, base) for pool, row in seen.items()}
        found = {}
        for isp in names:
            values = {pool: value for pool, row in seen.items() if (value := row[isp]) is not None}
            if any(min(caps[pool], base[isp]) != value for pool, value in values.items()):
                below = [value for pool, value in values.items() if value < caps[pool]]
                found[isp] = max(below or values.values())
                self._told(isp, values, caps, found[isp])
        return found

    def _cap(self, pool: str, row: Mapping[str, int | None], base: Mapping[str, int]) -> int:
        """The pool's own limit: that of its class, or the largest number seen if this explains more of them."""
        usual = model.TRAFFIC[self.pools[pool]["traffic"]].connections_per_ip
        values = {isp: value for isp, value in row.items() if value is not None}
        if not values:
            return usual
        wrong = {cap: sum(min(cap, base[isp]) != value for isp, value in values.items())
                 for cap in (usual, max(values.values()))}  # fmt: skip
        cap = min(wrong, key=lambda number: (wrong[number], number != usual, number))
        if max(values.values()) > cap:
            cap = max(values.values())
        if cap != usual:
            self.pools[pool]["connections_per_ip"] = cap
        return cap

    def _told(self, isp: str, values: Mapping[str, int], caps: Mapping[str, int], chosen: int) -> None:
        for pool, value in values.items():
            if min(caps[pool], chosen) != value:
                text = f"pool {pool} has {value} connections to {isp}, and with one number for each it gets"
                self._lines.note(self._lines.root, f"{text} {min(caps[pool], chosen)}.")
