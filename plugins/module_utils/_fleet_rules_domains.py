# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about what a domain is for and what the DNS shall say of it. Private to the collection, pure."""

from __future__ import annotations

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_rules import Problems
from ansible_collections.mailfleet.mta.plugins.module_utils._names import is_below
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import uncovered


def profiles_fit(fleet: model.Fleet) -> Problems:
    for domain in fleet.domains.values():
        pool = fleet.pools.get(domain.pool)
        if pool and pool.traffic not in model.DOMAIN_PROFILES[domain.profile]:
            fitting = " or ".join(name for name, kinds in model.DOMAIN_PROFILES.items() if pool.traffic in kinds)
            cause = "pool" if domain.profile == model.PARKED else "profile"
            yield Problem(
                f"{domain.path}.profile",
                f"is {domain.profile}, but pool '{pool.name}' carries {pool.traffic} traffic.",
                f"Write {fitting}, or remove the {cause}.",
            )


def parked(fleet: model.Fleet) -> Problems:
    """A parked name says in the DNS that it neither sends nor receives; everything else would contradict that."""
    for domain in fleet.domains.values():
        if domain.profile != model.PARKED:
            continue
        said = domain.published
        for key in ("mx", "spf", "dkim_zone", "mta_sts", "tls_rpt", "bimi"):
            if getattr(said, key):
                yield Problem(
                    domain.path_of(key),
                    "is for names that send or receive mail, and this one is parked.",
                    "Remove it, or give the domain another profile.",
                )
        if said.dmarc.get("policy") != "reject" or said.dmarc.get("testing"):
            yield Problem(
                f"{domain.path_of('dmarc')}.policy",
                "is weaker than reject for a parked name.",
                "Write reject, or nothing.",
            )


def mta_sts(fleet: model.Fleet) -> Problems:
    for domain in fleet.domains.values():
        policy, path = domain.published.mta_sts, domain.path_of("mta_sts")
        if not policy or policy["mode"] == "none" or domain.profile == model.PARKED:
            continue
        hosts = [host for _preference, host in domain.mx]
        if not policy["mx"] and not hosts:
            yield Problem(path, "names no mx, and neither does the domain.", "Write the mail hosts in mx here.")
        elif policy["mx"] and uncovered(policy["mx"], hosts):
            yield Problem(
                f"{path}.mx",
                f"does not allow {', '.join(uncovered(policy['mx'], hosts))}, which the domain's mx names.",
                "Add it, or remove mx here: the policy then names the domain's mx.",
            )
        elif policy["host"] and (policy["host"] == f"mta-sts.{domain.name}"):
            yield Problem(
                f"{path}.host",
                "is the name that senders ask, which would be an alias of itself.",
                "Name the web server behind it, or remove host and publish its address yourself.",
            )


def bimi(fleet: model.Fleet) -> Problems:
    """Receivers show a logo only for mail that DMARC protects; with a policy that moves, it is published in time."""
    for domain in fleet.domains.values():
        if not domain.published.bimi or domain.profile == model.PARKED:
            continue
        dmarc = domain.dmarc
        weak = dmarc.get("policy", "none") == "none" and not domain.published.progression
        if weak or dmarc.get("sp") == "none" or dmarc.get("testing"):
            yield Problem(
                domain.path_of("bimi"),
                "has no effect, because receivers want DMARC quarantine or reject in force, also for subdomains.",
                "Raise dmarc.policy first (not sp: none, not testing: true), leave it to dmarc.yml, or remove bimi.",
            )


def dkim_zones(fleet: model.Fleet) -> Problems:
    for domain in fleet.domains.values():
        zone = domain.published.dkim_zone
        if zone and (zone == domain.name or is_below(zone, f"_domainkey.{domain.name}")):
            yield Problem(
                domain.path_of("dkim_zone"),
                f"'{zone}' is where the keys are without delegation.",
                "Name another zone, or remove it.",
            )
        elif zone and len(f"{domain.selector}.{domain.name}.{zone}") > 253:
            yield Problem(
                domain.path_of("dkim_zone"), "makes a DNS name longer than 253 characters.", "Use a shorter one."
            )
