# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of where replies and bounces go: MX records and the hosts they name. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ERROR,
    WARNING,
    Check,
    Domain,
    Look,
    Verdict,
    judged,
    seen,
)

_PRIVATE = [
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
] + [ipaddress.ip_network(text) for text in ("::/127", "fc00::/7", "fe80::/10")]


def mail_hosts(look: Look, name: str) -> list[str]:
    """The hosts of MX records; a null MX names none."""
    return [host for value in look.values(name, "MX") if (host := value.split(" ")[1].rstrip("."))]


def _names(domain: Domain) -> tuple[str, ...]:
    return tuple(dict.fromkeys((domain.name, domain.return_path)))


def _is_null(value: str) -> bool:
    return value.split(" ")[1] == "."


def _replies(look: Look, domain: Domain) -> Iterator[Verdict]:
    shown = seen(look, domain.name, "MX")
    yield judged(bool(look.values(domain.name, "MX")), "The domain has no MX record, so replies get lost.", *shown)


def _bounces(look: Look, domain: Domain) -> Iterator[Verdict]:
    name = domain.return_path
    if name != domain.name:
        shown = seen(look, name, "MX")
        yield judged(bool(look.values(name, "MX")), f"{name} has no MX record, so bounces get lost.", *shown)


def _null(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name in _names(domain):
        values = look.values(name, "MX")
        if values:
            text = f"{name} says that it takes no mail (null MX); receivers refuse mail from such a name."
            yield judged(not any(map(_is_null, values)), text, *seen(look, name, "MX"), name=name)


def _null_alone(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name in _names(domain):
        values = look.values(name, "MX")
        if values:
            text = f"{name} has a null MX beside other MX records."
            yield judged(len(values) == 1 or not any(map(_is_null, values)), text, *seen(look, name, "MX"), name=name)


def _hosts(look: Look, domain: Domain) -> Iterator[tuple[str, str]]:
    done = set()
    for name in _names(domain):
        for host in mail_hosts(look, name):
            if host not in done:
                done.add(host)
                yield name, host


def _resolves(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name, host in _hosts(look, domain):
        shown = seen(look, host, "A", "AAAA")
        text = f"The mail host {host} of {name} has no address."
        yield judged(bool(look.addresses(host)), text, *shown, name=name, host=host)


def _alias(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name, host in _hosts(look, domain):
        if not _is_address(host):
            aliases = look.sure(host, "A").aliases
            text = f"The mail host {host} of {name} is an alias (CNAME)."
            yield judged(not aliases, text, *seen(look, host, "A"), name=name, host=host)


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _named(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name, host in _hosts(look, domain):
        text = f"An MX record of {name} holds the address {host} instead of a name."
        yield judged(not _is_address(host), text, *seen(look, name, "MX"), name=name)


def _public(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name, host in _hosts(look, domain):
        inside = [address for address in look.addresses(host) if _is_private(address)]
        text = f"The mail host {host} of {name} has the private address {', '.join(inside)}."
        yield judged(not inside, text, *seen(look, host, "A", "AAAA"), host=host)


def _is_private(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return any(ip.version == net.version and ip in net for net in _PRIVATE)


CHECKS = (
    Check(
        "mx",
        WARNING,
        "Replies have somewhere to go.",
        "Outlook: a From and Reply-To that work; RFC 5321 5.1",
        "Set mx of {domain}, or publish its MX records.",
        _replies,
    ),
    Check(
        "mx-return-path",
        ERROR,
        "Bounces have somewhere to go.",
        "RFC 5321 5.1; list hygiene of all receivers",
        "Set fleet_bounce_mx and run site.yml, or publish {return_path} MX.",
        _bounces,
    ),
    Check(
        "mx-null",
        ERROR,
        "No sending name has a null MX.",
        "RFC 7505 4.1 and 4.2",
        'Replace "{name} MX 0 ." by the hosts that take its mail.',
        _null,
    ),
    Check(
        "mx-null-alone",
        ERROR,
        "A null MX stands alone.",
        "RFC 7505 3",
        'Delete "{name} MX 0 .", or the others.',
        _null_alone,
    ),
    Check(
        "mx-host",
        ERROR,
        "Every mail host has an address.",
        "RFC 5321 5.1",
        "Publish an address of {host}, or take it out of the MX records of {name}.",
        _resolves,
    ),
    Check(
        "mx-alias",
        ERROR,
        "No mail host is an alias.",
        "RFC 2181 10.3, RFC 5321 5.1",
        "Name the host behind {host} in the MX records of {name}.",
        _alias,
    ),
    Check(
        "mx-name",
        ERROR,
        "MX records hold names.",
        "RFC 1035 3.3.9",
        "Publish a name with that address and put it into the MX record of {name}.",
        _named,
    ),
    Check(
        "mx-private",
        ERROR,
        "Mail hosts have public addresses.",
        "RFC 6890",
        "Publish the address at which the Internet reaches {host}.",
        _public,
    ),
)
