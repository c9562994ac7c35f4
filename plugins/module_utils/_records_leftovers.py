# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Where a former wish of the inventory may have left a record. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _records_bimi as _bimi
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_sts as _sts
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_tlsrpt as _tlsrpt
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import (
    LEFTOVER,
    NULL_MX,
    Key,
    Values,
    Wanted,
    plain_name,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import NO_KEY, every_selector
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import AUTHORISATION, authorisation_name


def leftovers(
    domains: Iterable[Mapping[str, Any]], wanted: Container[Key], ttl_of: Callable[[str], int], remove: bool = False
) -> list[Wanted]:
    """Every place that a domain of the fleet can have used and nobody wants any more.

    What others write in the same words goes with ``remove`` only: without a list of what was published, nobody can tell
    their TLS-RPT, BIMI and permission for reports from ours.
    """
    return [
        left
        for auth in domains
        for left in _places(auth, ttl_of, remove)
        if left.key not in wanted and _can_be(left.name)
    ]


def _can_be(name: str) -> bool:
    try:
        return bool(name_wire(name))
    except ValueError:
        return False  # too long to have been published


def _places(auth: Mapping[str, Any], ttl_of: Callable[[str], int], remove: bool) -> Iterator[Wanted]:
    domain, owner = plain_name(auth["domain"]), (auth["domain"],)

    def left(name: str, rdtype: str = "TXT", version: str = "", values: Values = ()) -> Wanted:
        return Wanted(name, rdtype, ttl_of(name), values, "value", version, LEFTOVER, owner, absent=True)

    def anybodys(name: str, version: str = "", values: Values = ()) -> Wanted:
        return left(name, "TXT", version, values)._replace(declared=remove)

    policy, selectors = f"_mta-sts.{domain}", every_selector(domain)
    return_path = plain_name(auth["return_path"])
    yield anybodys(f"_smtp._tls.{domain}", version=_tlsrpt.VERSION)
    yield anybodys(f"{_bimi.SELECTOR}._bimi.{domain}", version=_bimi.VERSION)
    yield left(policy, version=_sts.VERSION)
    if not auth.get("mta_sts"):
        yield left(_sts.policy_host(domain), "CNAME")._replace(gate="ended", beside=(policy, "TXT"))
    yield left(selectors, values=(NO_KEY,))
    if return_path != domain:
        yield left(return_path, "MX")._replace(gate="bounces", beside=(return_path, "MX"))
    yield left(domain, "MX", values=(NULL_MX,))._replace(gate="parked", beside=(selectors, "TXT"))
    for receiver in auth.get("report_receivers") or ():
        yield anybodys(authorisation_name(domain, plain_name(receiver)), values=(AUTHORISATION,))
