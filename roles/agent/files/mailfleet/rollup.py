# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Which receiver a recipient belongs to: by the MX hosts of its domain, all of which must be of one provider. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

OTHER = "other"
_REMEMBERED = 50_000
# Characters that IDNA takes for a dot.
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})


def domain_of(address: str) -> str:
    """The domain of a recipient as the DNS knows it; "" if there is none. Address literals keep their brackets."""
    domain = address.rpartition("@")[2] if "@" in address else ""
    if domain.isascii():
        return domain.rstrip(".").lower()
    try:
        return ".".join(_a_label(label) for label in domain.translate(_DOTS).rstrip(".").split("."))
    except UnicodeError:
        return ""


def _a_label(label: str) -> str:
    """IDNA 2008 as far as senders need it: what is no valid name gets no answer from the DNS either."""
    label.encode()  # bytes that are no UTF-8 are no name
    label = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", label).lower())
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def is_literal(domain: str) -> bool:
    return domain.startswith("[")


class Rollup:
    """Made from the ISP profiles of the host's view."""

    def __init__(self, isps: Iterable[Mapping[str, Any]]) -> None:
        self._exact: dict[str, str] = {}
        self._below: dict[str, str] = {}
        self._domains: dict[str, str] = {}
        self._sites: set[str] = set()
        self._seen: dict[tuple[str, ...], str] = {}
        for isp in isps:
            name = str(isp["name"])
            for pattern in isp["mx"]:
                wild = pattern.startswith("*.")
                (self._below if wild else self._exact)[pattern[2:].lower() if wild else pattern.lower()] = name
            self._domains.update((domain, name) for domain in isp["domains"])
            if isp.get("rollup") == "site":
                self._sites.add(name)

    def of_hosts(self, hosts: tuple[str, ...]) -> str:
        """The one profile that all hosts fit; a mixed set is nobody's."""
        found = self._seen.get(hosts)
        if found is None:
            names = {self._of_host(host) for host in hosts}
            found = names.pop() if len(names) == 1 else OTHER
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[hosts] = found
        return found

    def of_domain(self, domain: str) -> str:
        """A guess without DNS: providers' own domains."""
        return self._domains.get(domain, OTHER)

    def by_site(self, isp: str) -> bool:
        """Receivers that share only the filter, not the limits: each MX set is a receiver of its own."""
        return isp == OTHER or isp in self._sites

    def _of_host(self, host: str) -> str:
        exact = self._exact.get(host)
        if exact is not None:
            return exact
        rest = host.partition(".")[2]
        while rest:
            below = self._below.get(rest)
            if below is not None:
                return below
            rest = rest.partition(".")[2]
        return OTHER
