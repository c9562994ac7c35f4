# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From raw inventory variables to a Fleet: shapes, types, ranges, spellings. Private to the collection, pure.

What one value means for another is for the rules (_fleet_rules*.py).
"""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _addresses_text as addresses
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_load_domains as load_domains
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_load_isps as load_isps
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_load_dns import check_dns
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Node, Problem, shown

_POOL_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_RESERVED_POOL_NAMES = frozenset({"entry", "live"})
_APPLICATION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_INTERFACE = re.compile(r"(?!\.{1,2}\Z)[^\s/:\x00-\x1f]{1,15}\Z")
_CLEAR = re.compile(r"[!$-&(-\[\]-~]{1,128}\Z")
MAKE_A_HASH = "Make a hash with 'openssl passwd -6' and put that here."
_CRYPT = re.compile(
    r"\$(5|6)\$(rounds=[1-9][0-9]{3,8}\$)?[./A-Za-z0-9]{1,16}\$([./A-Za-z0-9]{43}|[./A-Za-z0-9]{86})\Z"
    r"|\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}\Z"
    r"|\$2[by]\$[0-9]{2}\$[./A-Za-z0-9]{53}\Z"
)
_BOUNCE_REMEDY = "Write a host name such as bounces.example.com."


def load(raw: dict[str, t.Any]) -> tuple[model.Fleet, list[Problem]]:
    """Read raw = {fleet: {variable: value}, hosts: {name: {...}}, management: {host: address}}; never raises."""
    problems: list[Problem] = []
    values: dict[str, t.Any] = raw["fleet"]
    variable = {name: Node(name, values.get(name), problems) for name in model.FLEET_VARIABLES}
    hosts = {name: _host(name, entry, problems) for name, entry in sorted(raw["hosts"].items())}
    listed = {name: Node(f"{name}.fleet_ips", raw["hosts"][name].get("fleet_ips"), problems) for name in hosts}
    sources = tuple(source for name, node in listed.items() for source in _sources(name, node))
    bounce_mx = _host_names(variable["fleet_bounce_mx"], _BOUNCE_REMEDY)
    pools = {name: _pool(name, node, bounce_mx) for name, node in variable["fleet_pools"].entries()}
    fleet = model.Fleet(
        pools=pools,
        pools_readable=variable["fleet_pools"].absent or isinstance(values.get("fleet_pools"), dict),
        domains=load_domains.domains(
            variable["fleet_domains"], variable["fleet_domain_profiles"], variable["fleet_dkim_selector"], pools
        ),
        isps=load_isps.isps(variable["fleet_isp_profiles"], variable["fleet_isps"]),
        applications={name: _application(name, node) for name, node in variable["fleet_applications"].entries()},
        hosts=hosts,
        sources=sources,
        sources_readable=all(node.absent or isinstance(node.value, dict) for node in listed.values())
        and all(source.pool for source in sources),
        management=raw.get("management", {}),
        brand_domains=_host_names(variable["fleet_brand_domains"], "Write a domain such as example.com."),
        entry_port=_entry(variable["fleet_entry"]),
        warming_connections=variable["fleet_warming_connections"].integer(2, 1, 100),
        today=_today(variable["fleet_today"], sources),
    )
    check_dns(variable["fleet_dns"])
    return fleet, problems


def _pool(name: str, node: Node, bounce_mx: tuple[str, ...]) -> model.Pool:
    if not _POOL_NAME.match(name):
        node.report(
            f"{shown(name)} is not a pool name.",
            "Use up to 32 lower-case letters, digits, '-' and '_', starting with a letter.",
        )
    if name in _RESERVED_POOL_NAMES:
        node.report(f"the name '{name}' is used by the collection itself.", "Give the pool another name.")
    node.record(model.POOL_KEYS)
    traffic = node.field("traffic")
    if traffic.absent and (node.absent or isinstance(node.value, dict)):
        traffic.report("is missing.", f"Name one of: {', '.join(model.TRAFFIC)}.")
    kind = traffic.choice(tuple(model.TRAFFIC), "internal")
    default = model.TRAFFIC[kind]
    networks = {
        element.parsed(addresses.parse_network, "", "List the networks of your own applications only.")
        for element in node.field("networks").elements()
        if not _is_empty(element)
    }
    own = node.field("bounce_mx")
    return model.Pool(
        path=node.path,
        name=name,
        traffic=kind,
        connections_per_ip=node.field("connections_per_ip").integer(default.connections_per_ip, 1, 1000),
        port=node.field("port").integer(default.port, 1, 65535),
        cpu_weight=node.field("cpu_weight").integer(default.cpu_weight, 1, 10000),
        networks=tuple(sorted(networks - {""})),
        bounce_mx=bounce_mx if own.absent else _host_names(own, _BOUNCE_REMEDY),
    )


def _is_empty(element: Node) -> bool:
    if element.absent:
        element.report("is empty.", "Fill it in or remove it.")
    return element.absent


def _application(name: str, node: Node) -> model.Application:
    if not _APPLICATION_NAME.match(name):
        node.report(
            f"{shown(name)} is not a login name.",
            "Use up to 64 letters, digits, '.', '-' and '_', no '@' and no space.",
        )
    node.record(("pool", "password_hash", "password"))
    hash_node = node.field("password_hash")
    hashed = hash_node.text()
    if hashed and not _CRYPT.match(hashed):
        # The value may be a password in clear: it is never repeated.
        hash_node.report("is not a crypt hash ($6$, $5$, $y$ or $2y$).", MAKE_A_HASH)
    clear = node.field("password")
    password = clear.value if isinstance(clear.value, str) else ""
    if not clear.absent and not _CLEAR.match(password):
        clear.report(
            "cannot be written into PowerMTA's configuration.",
            "Write it in quotes, as printable ASCII without blanks, quotes, # and backslashes.",
        )
    return model.Application(
        path=node.path,
        name=name,
        pool=node.field("pool").required_text("Name the pool that this application submits to."),
        password_hash=hashed,
        password=password,
    )


def _host_names(node: Node, remedy: str) -> tuple[str, ...]:
    found = [element.parsed(names.host_name, "", remedy) for element in node.elements() if not _is_empty(element)]
    return tuple(sorted(set(found) - {""}))


def _entry(node: Node) -> int:
    """The port of the general endpoint; 0 when there is none."""
    if node.absent or node.value == {}:
        return 0
    node.record(("port",))
    return node.field("port").integer(587, 1, 65535)


def _today(node: Node, sources: t.Iterable[model.Source]) -> str:
    """Only warm-ups need it."""
    return "" if node.absent and not any(source.warmup for source in sources) else node.date()


def _host(name: str, entry: dict[str, t.Any], problems: list[Problem]) -> model.Host:
    node = functools.partial(_host_node, name, entry, problems)
    submission = node("fleet_submission_address")
    interface = node("fleet_interface")
    nic = interface.text()
    if nic and not _INTERFACE.match(nic):
        interface.report(
            f"{shown(nic)} is not the name of a network interface.", "Write a name such as eth0 or enp1s0."
        )
    host = entry.get("ansible_host")
    default = host if isinstance(host, str) and host else name
    return model.Host(
        name=name,
        backend=str(entry.get("backend", "postfix")),
        submission_address=default
        if submission.value == ""
        else submission.parsed(_reachable, default, "Write the host name or IP address that applications connect to."),
        interface=nic,
        cold_instances=node("fleet_cold_instances").boolean(False),
        draining=node("fleet_draining").boolean(False),
    )


def _host_node(host: str, entry: dict[str, t.Any], problems: list[Problem], variable: str) -> Node:
    return Node(f"{host}.{variable}", entry.get(variable), problems)


def _reachable(text: str) -> str:
    try:
        return addresses.parse_address(text).text
    except ValueError:
        return names.host_name(text)


def _sources(host: str, node: Node) -> list[model.Source]:
    return [_source(host, name, entry) for name, entry in node.entries()]


def _source(host: str, name: str, node: Node) -> model.Source:
    address = None
    try:
        address = addresses.parse_source(name)
    except ValueError as fault:
        node.report(f"{shown(name)} {fault}.", "Write one address that this host may send from, such as 192.0.2.10.")
    node.record(model.IP_KEYS)
    helo = node.field("helo")
    if helo.absent and isinstance(node.value, dict):
        helo.report("is missing.", "Write the name that the address resolves to (PTR), such as mta10.example.com.")
    return model.Source(
        path=node.path,
        host=host,
        address=address,
        helo=helo.parsed(
            names.public_host_name, "", "Write the name that the address resolves to (PTR), such as mta10.example.com."
        ),
        pool=node.field("pool").required_text("Name the pool that this address belongs to.")
        if isinstance(node.value, dict)
        else _no_entry(node),
        weight=node.field("weight").integer(1, 1, 100),
        warmup=load_domains.warmup(node.field("warmup"), model.IP_PLANS),
    )


def _no_entry(node: Node) -> str:
    if node.absent:
        node.report("has no helo and no pool.", "Write {helo: mta10.example.com, pool: NAME}.")
    return ""
