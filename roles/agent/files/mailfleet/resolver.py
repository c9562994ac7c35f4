# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Asks the host's resolver where a domain takes its mail. The only file of the agent that talks DNS."""

from __future__ import annotations

import os

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from mailfleet.mx import ADDRESS, MX, NO_MAIL, NULL, DnsFailureError, Records

RESOLV_CONF = "/etc/resolv.conf"
# One question waits this long for one server, and this long for all of them.
TIMEOUT, LIFETIME = 1.5, 5.0


class Resolver:
    """Follows changes of resolv.conf by itself."""

    def __init__(self, path: str = RESOLV_CONF) -> None:
        self._path = path
        self._read = -1
        self._resolver = self._made()

    def _made(self) -> dns.asyncresolver.Resolver:
        try:
            changed = os.stat(self._path).st_mtime_ns
        except OSError:
            changed = 0
        if changed != self._read:
            self._read = changed
            try:
                self._resolver = dns.asyncresolver.Resolver(self._path)
            except (OSError, dns.exception.DNSException):
                # Without a readable file there is still the resolver that most hosts have.
                self._resolver = dns.asyncresolver.Resolver(configure=False)
                self._resolver.nameservers = ["127.0.0.1"]
            self._resolver.timeout, self._resolver.lifetime = TIMEOUT, LIFETIME
        return self._resolver

    async def __call__(self, domain: str) -> Records:
        resolver = self._made()
        try:
            return await _mail_hosts(resolver, domain)
        except dns.resolver.NXDOMAIN:
            return Records(NO_MAIL, (), 0)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise DnsFailureError(f"{domain}: {error}") from error
        except (UnicodeError, ValueError) as error:
            # No name for DNS at all: Postfix's own lookup says so to the sender.
            raise DnsFailureError(f"{domain}: {error!r}") from error


async def _mail_hosts(resolver: dns.asyncresolver.Resolver, domain: str) -> Records:
    name = f"{domain}."
    try:
        answer = await resolver.resolve(name, dns.rdatatype.MX, search=False)
    except dns.resolver.NoAnswer:
        return await _addresses(resolver, domain)
    ttl = answer.rrset.ttl if answer.rrset is not None else 0
    hosts = tuple(sorted({rdata.exchange.to_text(omit_final_dot=True).lower() for rdata in answer}))
    if hosts in ((".",), ("",)):
        return Records(NULL, (), ttl)
    return Records(MX, hosts, ttl)


async def _addresses(resolver: dns.asyncresolver.Resolver, domain: str) -> Records:
    """Without MX records the domain is its own mail host, if it is a host (RFC 5321, section 5.1)."""
    for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        try:
            answer = await resolver.resolve(f"{domain}.", rdtype, search=False)
        except dns.resolver.NoAnswer:
            continue
        return Records(ADDRESS, (domain,), answer.rrset.ttl if answer.rrset is not None else 0)
    return Records(NO_MAIL, (), 0)
