# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The steps of dkim_rotate that happen on the controller: parameters in, result out.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _dns_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_backends import Backends
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Options, converge
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import plain_name
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import Limits
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_report import diff_of, sentences
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import require_dnspython
from ansible_collections.mailfleet.mta.plugins.module_utils._queue import MTAS
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import dkim_alias
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation import utc
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_dns import Looked
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import Shown
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_inbox import oldest, read_all
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_orders import ORDERS
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_records import wanted_records
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_run import (
    Decision,
    Item,
    Order,
    Reports,
    World,
    Zone,
    copies_by_host,
    decide,
    names_to_ask,
    shreds_by_host,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_settings import parse_now, parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import SIGNING, dump, load

Params = Mapping[str, Any]
Views = Mapping[str, Mapping[str, Any]]


def decide_task(params: Params, reports: Reports, views: Views, check: bool) -> dict[str, Any]:
    _refuse_moves(reports, views)
    settings, now = parse_settings(params["policy"]), parse_now(str(params["now"]), time.time())
    items = [item for item in params["domains"] if item["signers"]]
    order = _order(params, items)
    rsa_only = sorted(host for host, view in views.items() if view["backend"] == "powermta")
    if settings.policy.ed25519 and rsa_only:
        raise ValueError(
            f"dkim_rotation.ed25519: {' and '.join(rsa_only)} signs by PowerMTA, which is documented for RSA keys "
            "only. Set it to false; nothing was changed."
        )
    servers = _dns_settings.parse_settings(params["dns"])
    if servers.common or servers.zones:
        require_dnspython()
    names = {item["domain"]: names_to_ask(item, reports) for item in items}
    looked = Looked(Backends(servers), params["name_server_port"], params["skip_name_servers"])
    looked.look(dkim_alias(domain, selector) for domain, own in names.items() for selector in own)
    hosts = {entry["address"]: host for host, view in views.items() for entry in view["addresses"]}
    sightings, problems = read_all(settings.sources, hosts, oldest(now))
    source = ", ".join(source.kind for source in settings.sources)
    shown = {domain: _shown(domain, own, looked) for domain, own in names.items()}
    zones = {domain: _zone(domain, own, looked) for domain, own in names.items()}
    world = World(reports, shown, zones, sightings, source)
    decisions = decide(items, world, settings.policy, order, now)
    probes = _probes(decisions, views, settings.probe, world, settings.policy.sightings, now)
    copies, shreds = copies_by_host(decisions), shreds_by_host(decisions, reports)
    return {
        "changed": bool(copies or shreds),
        "results": [_result(decision) for decision in decisions.values() if _tells(decision)],
        "report": [_sentence(decision) for decision in decisions.values() if _tells(decision)],
        "summary": _summary(decisions.values()),
        "next_run": _next_run(decisions.values()),
        "staged": any(decision.state.stage == "staged" for decision in decisions.values()),
        "problems": problems,
        "decisions": {
            "states": {domain: dump(decision.state) for domain, decision in decisions.items()},
            "zones": {item["domain"]: item["dkim_zone"] for item in items if item.get("dkim_zone")},
            "copies": copies,
            "shred": shreds,
            "probes": probes,
        },
        "diff": _diff(decisions.values()),
    }


def _refuse_moves(reports: Reports, views: Views) -> None:
    """A rotation would give the keys to a signer that is not there yet, and start it beside the other one."""
    moves = [
        f"{host} still has {MTAS[report['other_mta']]} and is in the group {views[host]['backend']}"
        for host, report in sorted(reports.items())
        if report.get("other_mta")
    ]
    if moves:
        raise ValueError(f"{', '.join(moves)}. Run site.yml first; nothing was changed.")


def _order(params: Params, items: Iterable[Item]) -> Order:
    if params["action"] not in ORDERS:
        raise ValueError(f"action: '{params['action']}' is none of {', '.join(ORDERS)}.")
    order = Order(params["action"], frozenset(params["only"]), str(params["reason"]))
    unknown = sorted(set(order.domains) - {item["domain"] for item in items})
    if unknown:
        raise ValueError(f"only: {' and '.join(unknown)} is no domain that a sender signs for. Nothing was changed.")
    if order.name == "emergency" and not order.domains:
        raise ValueError("only: name the domains whose keys leaked; nothing was changed.")
    return order


def _shown(domain: str, selectors: Iterable[str], looked: Looked) -> dict[str, Shown]:
    return {selector: looked.shown[dkim_alias(domain, selector)] for selector in selectors}


def _zone(domain: str, selectors: Iterable[str], looked: Looked) -> Zone:
    zones = [looked.keeping.get(dkim_alias(domain, selector), Zone()) for selector in selectors]
    return Zone(max((z.ttl for z in zones), default=0), max((z.negative_ttl for z in zones), default=0))


def _probes(
    decisions: Mapping[str, Decision], views: Views, to: str, world: World, sightings: int, now: int
) -> dict[str, list[dict[str, Any]]]:
    """One message of each switched host that no receiver has judged often enough."""
    found: dict[str, list[dict[str, Any]]] = {}
    for domain, decision in decisions.items():
        state = decision.state
        if not to or state.stage not in SIGNING or state.held:
            continue
        for host, since in state.switched.items():
            judged = [s for s in world.sightings.get(domain, ()) if (s.host, s.selector) == (host, state.next)]
            port, return_path = _way(views.get(host, {}), domain)
            if port and sum(s.messages for s in judged if s.passed and s.time >= since) < sightings:
                identity = f"<{state.next}.{host}.{now}@{domain}>"
                found.setdefault(host, []).append(
                    {"domain": domain, "return_path": return_path, "port": port, "to": to, "id": identity,
                     "date": formatdate(now)}
                )  # fmt: skip
    return found


def _way(view: Mapping[str, Any], domain: str) -> tuple[int, str]:
    for pool in view.get("pools", []):
        for own in pool["domains"]:
            if own["name"] == domain:
                return pool["port"], own["return_path"]
    return 0, ""


def _tells(decision: Decision) -> bool:
    step = decision.step
    return bool(step.actions or step.reasons or decision.state.stage != "idle" or decision.state.retiring)


def _result(decision: Decision) -> dict[str, Any]:
    state, step = decision.state, decision.step
    hosts = {name for host in state.switched for name in state.signing(host)} | set(state.members(state.active))
    return {
        "domain": state.domain,
        "stage": state.stage,
        "signs": sorted(hosts),
        "next": state.next,
        "former": [_former(old) for old in state.retiring],
        "actions": list(step.actions),
        "not_before": utc(step.not_before) if step.not_before else "",
        "reasons": list(step.reasons),
    }


def _former(old: Any) -> str:
    if old.removed_at:
        return f"{old.selector} is removed"
    if old.revoked_at:
        return f"{old.selector} was revoked {utc(old.revoked_at)}"
    return f"{old.selector} drains until {utc(old.drain_until)}"


def _summary(decisions: Iterable[Decision]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for decision in decisions:
        counts[decision.state.stage] = counts.get(decision.state.stage, 0) + 1
    return dict(sorted(counts.items()))


def _next_run(decisions: Iterable[Decision]) -> str:
    times = [decision.step.not_before for decision in decisions if decision.step.not_before]
    return utc(min(times)) if times else ""


def _line(state: Any) -> str:
    way = f" {state.active} -> {state.next}" if state.next else f" {state.active}"
    hosts = f" on {', '.join(sorted(state.switched))}" if state.switched else ""
    former = "".join(f"; {_former(old)}" for old in state.retiring)
    return f"{state.domain}: {state.stage}{way}{hosts}{former}{f'; held: {state.held}' if state.held else ''}\n"


def _sentence(decision: Decision) -> str:
    """Where a domain stands, what this run does, and what the next one waits for."""
    step = decision.step
    parts = [_line(decision.state).strip(), *step.actions, *step.reasons]
    parts += [f"no more before {utc(step.not_before)}"] if step.not_before else []
    return "; ".join(parts)


def _diff(decisions: Iterable[Decision]) -> list[dict[str, str]]:
    changed = [decision for decision in decisions if decision.before != decision.state]
    before, after = (
        ("".join(map(_line, states)) for states in zip(*((d.before, d.state) for d in changed)))
        if changed
        else ("", "")
    )
    header = {"before_header": "DKIM rotation", "after_header": "DKIM rotation"}
    return [{**header, "before": before, "after": after}] if changed else []


def publish_task(params: Params, decided: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """All keys that are in use, and the former ones out: problems are told, and stop nobody else's rotation."""
    servers = _dns_settings.parse_settings(params["dns"])
    wanted = []
    for domain, text in decided["states"].items():
        state = load(text)
        if state is not None:
            zone = plain_name(decided["zones"].get(domain, ""))
            wanted += wanted_records(state, params["keys"].get(domain, {}), servers.ttl_for, zone)
    limits = Limits(**{name: value for name, value in params["limits"].items() if value is not None})
    done = converge(wanted, Backends(servers), Options("final", (), check, limits))
    manual = [
        f"publish by hand: {want.name} TXT {' '.join(want.values)}" for want in done.manual if want.rule == "dkim"
    ]
    return {
        "changed": bool(done.zones),
        "problems": sentences(problem for own in done.problems.values() for problem in own),
        "manual": manual,
        "zones": [
            {"zone": result.zone.name, "changes": [change.name for change in result.changes]}
            for result in done.zones.values()
        ],
        "diff": [diff_of(result) for result in done.zones.values()],
    }
