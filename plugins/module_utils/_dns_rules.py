# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""How wanted values meet published ones, one rule per kind of record. Pure.

A rule gets what is wanted, the values that are there, and whether this is the final phase (removals allowed),
and answers with an Outcome. It never takes away what it does not recognise.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ansible_collections.mailfleet.mta.plugins.module_utils import _dmarc_stages, _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import (
    LEFTOVER,
    NULL_MX,
    Outcome,
    Values,
    Wanted,
    refuse,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rules_dkim import dkim, dkim_removed, dkim_revoked
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rules_leftovers import leftover
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import build_dmarc, is_dmarc, parse_dmarc
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import has_version, parse_tags, printable


def plain(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """Records of dns_records: exactly the values, or our values among others."""
    if wanted.absent:
        return Outcome(tuple(v for v in have if not _names(wanted, v)))
    if wanted.ownership == "rrset":
        return Outcome(wanted.values)
    kept = tuple(v for v in have if v in wanted.values or not (wanted.match and v.startswith(wanted.match)))
    return Outcome(_with(kept, wanted.values))


def _names(wanted: Wanted, value: str) -> bool:
    """A removal without values and match means the whole RRset."""
    if not wanted.values and not wanted.match:
        return True
    return value in wanted.values or bool(wanted.match and value.startswith(wanted.match))


def _with(kept: Values, more: Values) -> Values:
    return (*kept, *(value for value in more if value not in kept))


def mx(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """A host with another preference is ours and corrected.

    Other hosts: at the domain they are foreign and stay; at the return path, where bounces must reach
    only our hosts, they are removed in the final phase.
    """
    have = tuple(value for value in have if value != NULL_MX)  # it cannot stand beside a host
    hosts = {value.split(" ")[1] for value in wanted.values}
    others = tuple(v for v in have if v not in wanted.values and v.split(" ")[-1] not in hosts)
    kept = tuple(v for v in have if v in wanted.values or v in others)
    if wanted.ownership == "value":
        return Outcome(_with(kept, wanted.values), foreign=others)
    if final:
        return Outcome(wanted.values)
    return Outcome(_with(kept, wanted.values), pending_values=others)


def null_mx(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """Stands alone; a name with mail hosts is in use."""
    others = [value for value in have if value != NULL_MX]
    if others:
        return refuse(
            "has mail hosts, so it is no parked name",
            "delete these MX records, or give the domain another profile",
            others,
        )
    return Outcome(wanted.values)


def cname(wanted: Wanted, have: Values, final: bool) -> Outcome:
    if have and have != wanted.values:
        return refuse(
            f"is a CNAME to {have[0].rstrip('.')}, not to {wanted.values[0].rstrip('.')}",
            "delete the one that is there",
        )
    return Outcome(wanted.values)


def present(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """Any record of the version will do, also one that says more than ours."""
    return Outcome(have if any(has_version(value, wanted.match) for value in have) else (*have, *wanted.values))


def tagged(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """The one record of its version at a name, and what it says is in the inventory. Neighbours stay."""
    records = [value for value in have if has_version(value, wanted.match)]
    if len(records) > 1:
        return refuse(
            f"has {len(records)} records 'v={wanted.match}', so receivers use none", "delete all but one", records
        )
    if not records:
        return Outcome((*have, *wanted.values))
    if _same_tags(records[0], wanted.values[0]):
        return Outcome(have)
    notes = (f"its record {wanted.name} was '{printable(records[0])}'",)
    return Outcome(tuple(wanted.values[0] if value == records[0] else value for value in have), notes=notes)


def _same_tags(one: str, other: str) -> bool:
    try:
        return parse_tags(one) == parse_tags(other)
    except ValueError:
        return False  # a record that nobody can read is replaced


def spf(wanted: Wanted, have: Values, final: bool) -> Outcome:
    records = [value for value in have if _spf.is_spf(value)]
    if len(records) > 1:
        return refuse(
            f"has {len(records)} SPF records, which receivers answer with permerror",
            "delete all but one of them",
            records,
        )
    if records == list(wanted.values):
        return Outcome(have)
    outcome = _spf_meets(records[0] if records else "", wanted.values[0], wanted.removable, final)
    if outcome.values is None:
        return outcome
    text = outcome.values[0]
    if not records:
        return outcome._replace(values=(*have, text))
    return outcome._replace(values=tuple(text if value == records[0] else value for value in have))


@lru_cache(maxsize=4096)
def _spf_meets(published: str, wanted: str, removable: Values, final: bool) -> Outcome:
    """The record to publish. Cached: the domains of a pool ask the same question."""
    want = _spf.parse_spf(wanted)
    try:
        old = _spf.parse_spf(published) if published else _spf.Spf(())
    except ValueError as error:
        return refuse(f"has an SPF record that cannot be read: {error}", "correct or delete it", (published,))
    problem = _spf_obstacle(old, want)
    if problem is not None:
        return problem
    old = _spf.without(old, [term for term in old.terms if term.qualifier == "+" and _spf.covered(term, want.terms)])
    whole = _spf.merge(old, want)
    fleet = _spf.leaving(whole, want, removable)
    left = _spf.merge(_spf.released(old, want, fleet), want)
    new = left if final else whole
    costs = _spf.lookups(new)
    if len(costs) > _spf.LOOKUP_LIMIT:
        return refuse(
            f"would need {len(costs)} or more DNS lookups for SPF, and receivers stop at {_spf.LOOKUP_LIMIT}",
            "remove some of these, or list their addresses as ip4 and ip6",
            [f"{term.text} ({'1 or more' if term.name in ('include', 'redirect') else 1})" for term in costs],
        )
    others = (term for term in _spf.unwanted(left, want) if term.name != "all")
    foreign = tuple(printable(term.text) for term in others)
    ending = old.first("all")
    notes: Values = ()
    if published and (ending is None or ending.qualifier != "-"):
        was = f"'{ending.text}'" if ending else "no 'all'"
        notes = (f"its SPF record ended in {was}, now in '{_spf.ENDING}'",)
    return Outcome(
        (_spf.build_spf(new),),
        pending_ips=() if final else tuple(dict.fromkeys(address for own in fleet.values() for address in own)),
        foreign=foreign,
        notes=notes,
        shrinks=final and bool(fleet),
    )


def _spf_obstacle(old: _spf.Spf, want: _spf.Spf) -> Outcome | None:
    redirect = old.first("redirect")
    if redirect and old.first("all") is None:
        return refuse(
            f"has an SPF record that hands over to {redirect.value}; an added mechanism would switch that off",
            f"replace '{redirect.text}' by 'include:{redirect.value}'",
        )
    for address, term in _spf.addresses(want).items():
        against = _spf.refusing_term(old, address)
        if against is not None:
            return refuse(
                f"has an SPF record whose '{against.text}' fails {term.text}", f"remove '{against.text}' from it"
            )
    return None


def dmarc(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """Neighbours at _dmarc stay. Without a policy in the inventory a published one stays too."""
    records = [value for value in have if is_dmarc(value)]
    if len(records) > 1:
        return refuse(
            f"has {len(records)} DMARC records, so receivers apply none", "delete all but one of them", records
        )
    if not records:
        return Outcome((*have, *wanted.values))
    if not wanted.declared:
        foreign = () if records == list(wanted.values) else (printable(records[0]),)
        return Outcome(have, foreign=foreign)
    try:
        if parse_dmarc(records[0]).key == parse_dmarc(wanted.values[0]).key:
            return Outcome(have)
    except ValueError:
        pass  # a record nobody can read is replaced by the declared one
    notes = (f"its DMARC record was '{printable(records[0])}'",)
    return Outcome(tuple(wanted.values[0] if is_dmarc(v) else v for v in have), notes=notes)


def dmarc_kept(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """The policy belongs to dmarc.yml: the one that is published stays, the other tags are the inventory's."""
    records = [value for value in have if is_dmarc(value)]
    if len(records) == 1:
        try:
            kept = _dmarc_stages.keeping(parse_dmarc(wanted.values[0]), parse_dmarc(records[0]))
        except ValueError:
            pass  # to receivers a record nobody can read is none, and the first policy says as much
        else:
            wanted = wanted._replace(values=(build_dmarc(kept),))
    return dmarc(wanted._replace(declared=True), have, final)


def dmarc_step(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """A step was decided on the record in `match`, and is none if another one stands there by now."""
    records = [value for value in have if is_dmarc(value)]
    if records not in ([wanted.match], list(wanted.values)):
        return refuse("changed while the step was decided", "run again", records)
    return Outcome(tuple(wanted.values[0] if value == wanted.match else value for value in have))


RULES: dict[str, Callable[[Wanted, Values, bool], Outcome]] = {
    "plain": plain,
    "mx": mx,
    "null_mx": null_mx,
    "cname": cname,
    "present": present,
    "tagged": tagged,
    "spf": spf,
    "dkim": dkim,
    "dkim_removed": dkim_removed,
    "dkim_revoked": dkim_revoked,
    "dmarc": dmarc,
    "dmarc_kept": dmarc_kept,
    "dmarc_step": dmarc_step,
    LEFTOVER: leftover,
}
