# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Where mail for a domain goes, asked of the DNS."""

from __future__ import annotations

import time

import dns.asyncresolver
import dns.exception
import dns.resolver

from .hosts import given_hosts
from .queues import Route

TTL = 60.0


class NoRouteError(Exception):
    """Mail cannot go there: an enhanced status code and a reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Resolver:
    def __init__(self, servers: list[str]) -> None:
        self._resolver = dns.asyncresolver.Resolver()
        if servers:
            self._resolver.nameservers = servers
        self._resolver.lifetime = 10
        self._known: dict[tuple[str, str], tuple[float, object]] = {}

    def forget(self, domain: str) -> None:
        self._known = {key: value for key, value in self._known.items() if key[0] != domain}

    async def _ask(self, name: str, kind: str) -> list:
        """The records, or none; NXDOMAIN is kept apart by the caller."""
        at, answer = self._known.get((name, kind), (0.0, None))
        if time.monotonic() < at and answer is not None:
            return answer  # type: ignore[return-value]
        try:
            found = list(await self._resolver.resolve(name, kind))
        except dns.resolver.NoAnswer:
            found = []
        self._known[name, kind] = (time.monotonic() + TTL, found)
        return found

    async def exchangers(self, domain: str) -> Route:
        if domain.startswith("["):
            return Route(((0, domain, 25),))
        try:
            found = await self._ask(domain, "MX")
        except dns.resolver.NXDOMAIN:
            raise NoRouteError("5.1.2", "no such domain") from None
        except (dns.exception.DNSException, OSError) as error:
            raise NoRouteError("4.4.3", f"DNS does not answer: {error}") from None
        hosts = [(record.preference, record.exchange.to_text(omit_final_dot=True).lower(), 25) for record in found]
        if any(not host for _preference, host, _port in hosts):
            raise NoRouteError("5.1.10", "the domain takes no mail (null MX)")
        if not hosts and await self._nowhere(domain):
            raise NoRouteError("5.4.4", "the domain has neither a mail exchanger nor an address")
        return Route(tuple(sorted(hosts)) or ((0, domain, 25),))

    async def _nowhere(self, domain: str) -> bool:
        """Known to have no address; an answer that does not come says nothing."""
        try:
            return not [*await self._ask(domain, "AAAA"), *await self._ask(domain, "A")]
        except (dns.exception.DNSException, OSError):
            return False

    async def addresses(self, host: str) -> list[str]:
        if host.startswith("["):
            return [host.strip("[]").removeprefix("IPv6:")]
        found = []
        for kind in ("AAAA", "A"):
            try:
                found += [record.address for record in await self._ask(host, kind)]
            except (dns.exception.DNSException, OSError):
                continue
        return found

    async def route(self, domain: str, smtp_hosts: str) -> Route:
        """The given hosts in the place of the domain's exchangers, or those."""
        if not smtp_hosts:
            return await self.exchangers(domain)
        hosts: list[tuple[int, str, int]] = []
        for preference, host, port in given_hosts(smtp_hosts):
            if host.startswith("lookup-mx:"):
                hosts += [(preference + p, name, port) for p, name, _port in (await self.exchangers(host[10:])).hosts]
            else:
                hosts.append((preference, host, port))
        return Route(tuple(hosts))
