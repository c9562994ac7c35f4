# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""From an existing PowerMTA configuration to the inventory of its host; a note for each line that has no place there.

Pure. What the role prints by itself is known by its value; everything else that nobody took is told.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_isps import Profiles
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_lines import Lines, Note, rate, seconds
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_mail import Mail
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_pools import Pools
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block, Config

Plain = dict[str, Any]
_OWN_LISTS = "patterns-every.conf"
_RIGHTS = ("monitor", "operator", "admin", "none")


@dataclass(frozen=True)
class Shipped:
    """What the collection has by itself, against which only differences are written."""

    isps: Mapping[str, model.Isp]
    # The role powermta: its defaults without their prefix, the values of traffic classes, what it oversigns.
    role: Mapping[str, Any]
    classes: Mapping[str, Mapping[str, Any]]
    oversigned: str
    accounting: Mapping[str, Mapping[str, Any]]  # by the path of the file


@dataclass(frozen=True)
class Inventory:
    fleet: Plain  # variables of the whole fleet
    host: Plain
    notes: Sequence[Note]
    # Digests by application, which tell different ones apart. The passwords themselves stay behind.
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)


def imported(config: Config, shipped: Shipped, today: str) -> Inventory:
    """``today`` stands for the beginning of warm-ups, which no configuration tells."""
    lines = Lines(config)
    profiles = Profiles(lines, shipped.isps)
    pools = Pools(lines, profiles, shipped.classes, today)
    mail = Mail(lines, pools)
    isps = profiles.overlay()
    for name, number in pools.connections(shipped.isps).items():
        isps[name] = {"connections": number, **isps.get(name, {})}
    for pool, networks in mail.networks().items():
        pools.pools[pool]["networks"] = networks
    entry = _ports(lines, pools.pools)
    fleet: Plain = {"fleet_pools": pools.pools, "fleet_domains": mail.domains}
    if isps:
        fleet["fleet_isps"] = {name: isps[name] for name in sorted(isps)}
    if mail.applications:
        fleet["fleet_applications"] = mail.applications
    if entry:
        fleet["fleet_entry"] = {"port": entry}
    host = {"fleet_ips": pools.ips, **_draining(lines), **_Server(lines, shipped, mail).variables()}
    return Inventory(fleet, host, sorted({*lines.notes, *lines.rest()}), mail.passwords)


def _ports(lines: Lines, pools: Mapping[str, Plain]) -> int | None:
    """The role prints the ports of the pools in the order of their names, then the general endpoint. Else a pool has
    the port of its class: in PowerMTA a port says nothing about pools."""
    families: dict[str, list[int]] = {}
    for setting in lines.root.of("smtp-listener"):
        match = re.fullmatch(r"(0/0|\[::\]/0):(\d+)", setting.value)
        if match and match[2] != "25":
            found = families.setdefault(match[1], [])
            found.append(int(match[2]))
            lines.taken(setting)
        elif bounces_arrive(setting.value):
            lines.taken(setting)
        else:
            lines.note(setting, f"smtp-listener {setting.value} is not carried over: each pool has a port of its own.")
    ports = families.get("0/0", [])
    if sorted(families.get("[::]/0", [])) not in ([], sorted(ports)):
        lines.note(lines.root, "the ports for IPv6 are not those for IPv4: each pool listens to both.")
    general = ports[len(pools)] if len(ports) == len(pools) + 1 else None
    if len(ports) in (len(pools), len(pools) + 1):
        for (_name, pool), port in zip(sorted(pools.items()), ports):
            if port != model.TRAFFIC[pool["traffic"]].port:
                pool["port"] = port
    elif ports:
        shown = ", ".join(map(str, ports))
        lines.note(
            lines.root,
            f"the ports {shown} are not those of the pools: set fleet_pools.NAME.port as your programs need.",
        )
    return general


def _draining(lines: Lines) -> Plain:
    """A server that takes mail from nobody, as the role prints it."""
    sources = {block.argument: block for block in lines.root.blocks if block.tag == "source"}
    everybody = sources.pop("0/0", None)
    sources.pop("{inbound}", None)
    if (
        not everybody
        or everybody.last("smtp-service") != "no"
        or any(own.last("smtp-service") for own in sources.values())
    ):
        return {}
    lines.take(everybody, "smtp-service")
    return {"fleet_draining": True}


def bounces_arrive(listener: str) -> bool:
    return listener.split() in (["0/0:25", "source={inbound}"], ["[::]/0:25", "source={inbound}"])


class _Server:
    """Variables of the role powermta for this host, where they differ from its defaults."""

    def __init__(self, lines: Lines, shipped: Shipped, mail: Mail) -> None:
        self._lines = lines
        self._shipped = shipped
        self._mail = mail
        self._root = lines.root

    def variables(self) -> Plain:
        found = {
            "postmaster": self._postmaster(),
            "connections": int(self._number("total-max-smtp-out") or 0),
            "tls_certificate": self._certificate(),
            "message_size_limit": self._message_size(),
            "http_port": int(self._number("http-mgmt-port") or self._shipped.role["http_port"]),
            "http_access": self._http_access(),
            "accounting_days": self._accounting(),
            "backoff": self._backoff(),
            **self._processors(),
        }
        self._owned()
        return {f"powermta_{key}": value for key, value in found.items() if value != self._shipped.role[key]}

    def _number(self, name: str) -> str | None:
        value = self._lines.take(self._root, name)
        return value if value and value.isdecimal() else None

    def _postmaster(self) -> str:
        value = self._lines.take(self._root, "postmaster") or ""
        first = next(iter(sorted(self._mail.domains, key=lambda name: (self._mail.domains[name]["pool"], name))), "")
        return "" if value == f"postmaster@{first}" else value

    def _certificate(self) -> str:
        value = self._lines.take(self._root, "smtp-server-tls-certificate") or ""
        return "" if value == "/etc/mailfleet/tls/powermta.pem" else value

    def _message_size(self) -> int:
        usual = int(self._shipped.role["message_size_limit"])
        size = self._mail.message_size
        return usual if size is None or size // 1024 == usual // 1024 else size

    def _http_access(self) -> Plain:
        found: Plain = {}
        for setting in self._lines.all(self._root, "http-access"):
            words = setting.value.split()
            if len(words) == 2 and words[1] in _RIGHTS and words[0] not in found:
                found[words[0]] = words[1]
            else:
                self._lines.note(setting, f"http-access {setting.value} is not carried over.")
        return found or dict(self._shipped.role["http_access"])

    def _accounting(self) -> int:
        days = set()
        for block in self._root.all("acct-file"):
            span = seconds(block.last("delete-after") or "")
            if span:
                self._lines.take(block, "delete-after")
                days.add(span // 86400)
            own = self._shipped.accounting.get(block.argument)
            if own:
                self._lines.expect(block, records=",".join(own["records"]), move_interval="1d")
                for setting in block.of("record-fields"):
                    kind, _blank, names = setting.value.partition(" ")
                    if kind in own["records"] and names == str(own["fields"]).replace(" ", ""):
                        self._lines.taken(setting)
            else:
                self._lines.whole(
                    block, f"{block.title}: the role writes acct-*.csv in /var/log/pmta, which the agent reads."
                )
        return max(days) if days else int(self._shipped.role["accounting_days"])

    def _processors(self) -> Plain:
        feedback = []
        bounces = [block for block in self._root.blocks if block.tag == "bounce-processor"]
        for block in self._root.blocks:
            if block.tag == "feedback-loop-processor":
                for inner in block.all("address-list"):
                    feedback += [
                        setting.value for setting in self._lines.all(inner, "address") if "/" not in setting.value
                    ]
        paths = {entry.get("return_path", f"bounce.{name}") for name, entry in self._mail.domains.items()}
        for block in bounces:
            for inner in block.all("address-list"):
                for setting in inner.of("domain"):
                    if setting.value in paths:
                        self._lines.taken(setting)
        for setting in self._root.of("relay-domain", "relay-address"):
            if setting.value in paths or setting.value in feedback:
                self._lines.taken(setting)
        return {"bounces": bool(bounces), "feedback": feedback}

    def _backoff(self) -> Plain:
        usual = dict(self._shipped.role["backoff"])
        every = self._every()
        if every is None:
            return usual
        take = self._lines.take
        number = take(every, "backoff-max-smtp-out") or ""
        found = {
            "connections": int(number) if number.isdecimal() else usual["connections"],
            "message_rate": self._backoff_rate(str(usual["message_rate"])),
            "to_normal_after": take(every, "backoff-to-normal-after") or usual["to_normal_after"],
            "reenable_after": take(every, "reenable-source-ip-after") or usual["reenable_after"],
        }
        if found["to_normal_after"] == "never":
            self._lines.note(
                every, "backoff-to-normal-after never would keep queues in backoff for ever: it ends after an hour."
            )
            found["to_normal_after"] = usual["to_normal_after"]
        return {**usual, **found}

    def _backoff_rate(self, usual: str) -> str:
        """The role prints the slower one of this and the profile's own rate, so that of profiles without one tells."""
        blocks = [(block, block.last("max-msg-rate"), back) for block in self._root.blocks
                  if block.tag == "domain" and (back := block.last("backoff-max-msg-rate"))]  # fmt: skip
        plain = [back for _block, own, back in blocks if not own or not rate(own)]
        # Of equal rates, one that is not the profile's own.
        seen = [(_hourly(back), back != own, back) for _block, own, back in blocks]
        number = plain[0] if plain else max(seen, default=(0, True, usual))[2]
        if not plain and all(_hourly(back) == min(_hourly(own), _hourly(usual)) for _block, own, back in blocks):
            number = usual
        for block, own, back in blocks:
            if _hourly(back) == min(_hourly(own or number), _hourly(number)):
                self._lines.take(block, "backoff-max-msg-rate")
        found = rate(number)
        return found[0] if found else usual

    def _every(self) -> Block | None:
        return next((block for block in self._root.blocks if block.tag == "domain" and block.argument == "*"), None)

    def _owned(self) -> None:
        """What the role prints by itself."""
        lines, root = self._lines, self._root
        lines.expect(root, run_as_root="no", log_file="/var/log/pmta/log")
        ours = {
            block.argument
            for block in root.blocks
            if block.tag == "smtp-pattern-list" and any(_OWN_LISTS in line.value for line in block.of("include"))
        }
        files = {block.file for block in root.blocks if block.tag == "smtp-pattern-list" and block.argument in ours}
        for block in root.blocks:
            if block.tag == "smtp-pattern-list":
                lines.whole(block, "" if block.argument in ours else _REPLIES)
            elif block.tag == "bounce-category-patterns":
                lines.whole(block, "" if block.file in files else _REPLIES)
            elif block.tag == "domain":
                self._domain(block, ours)

    def _domain(self, block: Block, ours: set[str]) -> None:
        lines = self._lines
        retry = block.last("retry-after") or ""
        lines.expect(
            block, dkim_sign="yes", dkim_disallow_adding_headers=self._shipped.oversigned, backoff_retry_after=retry
        )
        for setting in block.of("smtp-pattern-list"):
            if setting.value in ours:
                lines.taken(setting)


_REPLIES = "what replies do comes from the fleet's reply rules. Lay your own over them by agent_reply_rules."


def _hourly(text: str | None) -> float:
    """Messages an hour; no rate is above all others."""
    found = rate(text or "")
    number, _slash, unit = (found[0] if found else "0/h").partition("/")
    return int(number) * {"s": 3600, "min": 60, "h": 1}[unit] if found else float("inf")
