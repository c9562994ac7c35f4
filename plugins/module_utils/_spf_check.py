# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What a receiver answers for one address: check_host() of RFC 7208. Pure.

Answers come through the port of _spf_count.py. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple, Union

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_count import (
    HOST_LIMIT,
    VOID_LIMIT,
    Answer,
    Lookup,
    evaluated,
    record_at,
    target,
)

PASS, FAIL, SOFTFAIL, NEUTRAL = "pass", "fail", "softfail", "neutral"
NONE, PERMERROR, TEMPERROR = "none", "permerror", "temperror"
_RESULTS = {"+": PASS, "-": FAIL, "~": SOFTFAIL, "?": NEUTRAL}
_CIDR = re.compile(r"(?:/([0-9]+))?(?://([0-9]+))?$")

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Verdict(NamedTuple):
    result: str
    why: str = ""  # the mechanism that decided, or what is wrong


class _Error(Exception):
    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.verdict = Verdict(result, why)


def check_host(address: str, name: str, lookup: Lookup, text: str = "") -> Verdict:
    """`text` stands for the record of `name` that is not published yet.

    What `lookup` does not know is a temperror: ask with `_spf_count.follow` first, or give a lookup that asks itself.
    Macros are not expanded: a mechanism that needs one never matches.
    """
    check = _Check(ipaddress.ip_address(address), lookup)
    try:
        if not text:
            answer = check.ask((name, "TXT"))
            if not any(_spf.is_spf(value) for value in answer.values):
                return Verdict(NONE, f"{name} has no SPF record")
            text = check.record(name, answer)
        return check.evaluate(text, name, ())
    except _Error as error:
        return error.verdict


class _Check:
    def __init__(self, address: Address, lookup: Lookup) -> None:
        self.address, self.lookup = address, lookup
        self.lookups = self.voids = 0

    def ask(self, key: Key) -> Answer:
        answer = self.lookup(key)
        if answer is None or answer.fault:
            raise _Error(TEMPERROR, f"{key[0]} {key[1]} {answer.fault if answer else 'is not known'}")
        return answer

    def spend(self, answer: Answer | None, why: str) -> None:
        self.voids += answer is not None and not answer.values
        if self.voids > VOID_LIMIT:
            raise _Error(PERMERROR, f"{why} is one lookup too many that finds nothing")

    def record(self, name: str, answer: Answer) -> str:
        text, fault = record_at(name, answer)
        if fault:
            raise _Error(PERMERROR, fault)
        return text

    def evaluate(self, text: str, name: str, chain: tuple[str, ...]) -> Verdict:
        try:
            spf = _spf.parse_spf(text)
        except ValueError as error:
            raise _Error(PERMERROR, f"the SPF record of {name} cannot be read: {error}") from None
        for term in evaluated(spf):
            if term.name in _spf.COSTLY:
                self.lookups += 1
                if self.lookups > _spf.LOOKUP_LIMIT:
                    raise _Error(PERMERROR, f"{term.text} is one DNS lookup too many")
            if term.name == "redirect":
                return self._other(term, name, chain)
            if self._matches(term, name, chain):
                return Verdict(_RESULTS[term.qualifier], term.text)
        ending = spf.first("all")
        return Verdict(_RESULTS[ending.qualifier], ending.text) if ending else Verdict(NEUTRAL, "nothing matches")

    def _other(self, term: _spf.Term, name: str, chain: tuple[str, ...]) -> Verdict:
        """The verdict of an included record."""
        about = target(term, name)
        if "%" in about:
            return Verdict(NEUTRAL, f"{term.text} depends on the message")
        if about in (name, *chain):
            raise _Error(PERMERROR, f"{about} includes itself")
        answer = self.ask((about, "TXT"))
        self.spend(answer, term.text)
        return self.evaluate(self.record(about, answer), about, (*chain, name))

    def _matches(self, term: _spf.Term, name: str, chain: tuple[str, ...]) -> bool:
        net = _spf.network(term)
        if net is not None:
            return self.address in net
        about = target(term, name)
        if term.name == "include":
            return self._other(term, name, chain).result == PASS
        if term.name == "ptr" or "%" in about:
            return False
        if term.name == "exists":
            answer = self.ask((about, "A"))
            self.spend(answer, term.text)
            return bool(answer.values)
        return any(self._near(value, term) for value in self._addresses(term, about))

    def _addresses(self, term: _spf.Term, about: str) -> list[str]:
        rdtype = "A" if self.address.version == 4 else "AAAA"
        if term.name == "a":
            answer = self.ask((about, rdtype))
            self.spend(answer, term.text)
            return list(answer.values)
        answer = self.ask((about, "MX"))
        self.spend(answer, term.text)
        if len(answer.values) > HOST_LIMIT:
            raise _Error(PERMERROR, f"{about} has {len(answer.values)} MX hosts, and {HOST_LIMIT} are allowed")
        hosts = [value.split(" ")[-1].rstrip(".").lower() for value in answer.values]
        return [value for host in hosts if host for value in self.ask((host, rdtype)).values]

    def _near(self, value: str, term: _spf.Term) -> bool:
        found = _CIDR.search(term.value)
        length = found[1 if self.address.version == 4 else 2] if found else None
        try:
            return self.address in ipaddress.ip_network(f"{value}/{length}" if length else value, strict=False)
        except ValueError as error:
            raise _Error(PERMERROR, f"{term.text} has a prefix length that cannot be read") from error
