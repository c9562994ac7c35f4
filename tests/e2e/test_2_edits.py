# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The edits that people make: one change of the inventory and one run each, while mail goes on.

The tests follow each other: each one edits what the one before has left, and the last one takes everything back.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.support import lab, traffic
from tests.support.backends import backend
from tests.support.flow import Flow, Watch, letter, nothing_lost_nothing_doubled
from tests.support.inject import Message
from tests.support.site import addresses, edit, generations, run, submit_one, txt

MX1, MX2 = "198.51.100.11", "198.51.100.12"
ENTRY, TRANS, CAMPAIGN = 587, 2587, 2588
MTA = backend("mx1")
NEW, TLS_REPORTS = "198.51.100.23", "_smtp._tls.example.com"
OF_CAMPAIGN = {
    address
    for source in traffic.sources()
    for address in source.addresses
    if source.pool == "campaign" and ":" not in address
}


@pytest.fixture(scope="module")
def inventory(fleet: lab.Play, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the lab's inventory that lives through all edits."""
    return Path(shutil.copytree(lab.INVENTORY, tmp_path_factory.mktemp("edits") / "inventory"))


@pytest.fixture(autouse=True)
def _calm_receivers(fleet: lab.Play) -> None:
    lab.lab("reset")


def test_a_new_address_sends_after_its_spf_is_seen_everywhere(inventory: Path) -> None:
    lab.lab("persona", "gmail", "witness=true")
    before = addresses("mx1")
    with edit(inventory / "host_vars/mx1.yml") as host:
        host["fleet_ips"][NEW] = {"helo": "mta23.example.net", "pool": "campaign"}
    with edit(inventory / "group_vars/all/pools.yml") as model:
        model["fleet_domains"]["example.com"]["tls_rpt"] = ["mailto:tls@example.net"]
    names = ("example.com", "bounce.example.com", "shop.example.org", "bounce.shop.example.org")
    with Watch(*names) as watch, Flow((MX1, CAMPAIGN, "example.com"), rate=20) as flow:
        run(inventory)
        time.sleep(2)
    assert not flow.refusals
    nothing_lost_nothing_doubled(flow.sent)
    first = min((d for d in lab.deliveries() if d.source == NEW), key=lambda delivery: delivery.received)
    assert watch.everywhere(f"ip4:{NEW}") < first.received
    assert first.helo == "mta23.example.net"
    assert set(addresses("mx1")) == {*before, f"{NEW}/32"}
    assert all("v=TLSRPTv1; rua=mailto:tls@example.net" in answer for answer in txt(TLS_REPORTS))
    witnessed = [d.identity for d in lab.deliveries() if d.source == NEW and d.persona == "gmail"]
    assert witnessed
    seen = lab.wait_for("verdicts", lambda: (v := lab.verdicts()) and set(witnessed) <= v.keys() and v)
    assert {(seen[identity]["spf"], seen[identity]["dmarc"]) for identity in witnessed} == {("pass", "pass")}


@pytest.mark.only("postfix", reason="PowerMTA hands over what an address has that leaves")
def test_an_address_with_mail_on_its_way_is_not_removed(inventory: Path) -> None:
    lab.lab("persona", "generic", "latency=120,120")
    with edit(inventory / "host_vars/mx1.yml") as host:
        del host["fleet_ips"][NEW]
    before = addresses("mx1"), generations("mx1")
    sent = lab.submit(MX1, CAMPAIGN, [letter("example.com") for _each in range(6)])
    assert backend("mx1").queued("campaign") == 6
    refused = lab.play(inventory)
    assert refused.code != 0
    assert (
        f"mx1: 6 messages are on the way in pool campaign, whose address {NEW} this run would remove. Wait until "
        "`postqueue -c /etc/postfix-campaign -p` marks none with an asterisk, or put the line back into fleet_ips; "
        "nothing was changed."
    ) in refused.words
    assert refused.changed == {"mx1": 0, "mx2": 0}
    assert (addresses("mx1"), generations("mx1")) == before
    lab.lab("persona", "generic", "latency=0,0")
    nothing_lost_nothing_doubled(sent)
    lab.wait_for("an empty queue", lambda: backend("mx1").queued("campaign") == 0, 90)


def test_an_address_leaves_while_mail_goes_on(inventory: Path) -> None:
    before = addresses("mx1")
    with edit(inventory / "host_vars/mx1.yml") as host:
        host["fleet_ips"].pop(NEW, None)
    with edit(inventory / "group_vars/all/pools.yml") as model:
        del model["fleet_domains"]["example.com"]["tls_rpt"]
        model["dns_leftovers"] = "remove"
    on_their_way: list[Message] = []
    if MTA.hands_over:
        lab.lab("persona", "generic", "latency=3,3")
        on_their_way = lab.submit(MX1, CAMPAIGN, [letter("example.com") for _each in range(60)])
    with Flow((MX2, CAMPAIGN, "example.com")) as there, Flow((MX1, TRANS, "tx.example.com")) as beside:
        run(inventory)
    assert set(before) - set(addresses("mx1")) == {f"{NEW}/32"}
    assert not backend("mx1").sends_from("campaign", NEW)
    assert not any("TLSRPT" in answer for answer in txt(TLS_REPORTS)), "what left the inventory left the DNS"
    assert all(NEW not in answer for name in ("example.com", "bounce.example.com") for answer in txt(name))
    assert not there.refusals + beside.refusals
    nothing_lost_nothing_doubled(there.sent + beside.sent + on_their_way)


def test_a_moved_domain_keeps_its_old_spf_until_the_old_queue_has_none_of_its_mail(inventory: Path) -> None:
    lab.lab("persona", "generic", "refuse=temporary")
    waiting = [submit_one(host, CAMPAIGN, letter("shop.example.org")) for host in (MX1, MX2)]
    lab.wait_for("deferred mail", lambda: "temporarily" in backend("mx1").waiting("campaign"))
    with edit(inventory / "group_vars/all/pools.yml") as model:
        model["fleet_domains"]["shop.example.org"]["pool"] = "trans"
    # Two flows leave by the one address of the new pool: as much as this receiver takes before the agent rests it.
    lab.lab("persona", "gmail", "messages_per_minute=0")
    with (
        Flow((MX1, CAMPAIGN, "shop.example.org"), recipients=["gmail.com"]) as old,
        Flow((MX1, TRANS, "shop.example.org"), recipients=["gmail.com"]) as new,
        Flow((MX1, ENTRY, "shop.example.org"), recipients=["gmail.com"]) as entry,
    ):
        run(inventory)
        time.sleep(1)
    if MTA.any_port:
        assert not old.refusals
    else:
        sentence = "Sender address rejected: shop.example.org is sent by pool trans: submit to "
        endpoints = "198.51.100.11:2587 or 198.51.100.12:2587"
        assert old.sent[-1].reply == f"553 5.7.1 <bounces@bounce.shop.example.org>: {sentence}{endpoints}"
        moving = "451 4.7.1 shop.example.org moves to pool trans"
        assert all(sentence in reply or moving in reply for reply in old.refusals)
    assert new.sent[-1].accepted
    assert not entry.refusals, "the general endpoint finds the right pool at any time"
    nothing_lost_nothing_doubled(old.sent + new.sent + entry.sent)
    both = {"198.51.100.20", "198.51.100.30", *OF_CAMPAIGN}
    for name in ("shop.example.org", "bounce.shop.example.org"):
        (record,) = txt(name)
        assert {word[4:] for word in record.split() if word.startswith("ip4:")} == both

    lab.lab("persona", "generic", "refuse=", "witness=true")
    for host in ("mx1", "mx2"):
        backend(host).flush("campaign")
    nothing_lost_nothing_doubled(waiting)
    late = lab.wait_for("verdicts", lambda: (v := lab.verdicts()) and [v.get(m.identity) for m in waiting])
    assert [(verdict["spf"], verdict["dmarc"]) for verdict in late] == [("pass", "pass")] * 2
    run(inventory)
    for name in ("shop.example.org", "bounce.shop.example.org"):
        (record,) = txt(name)
        assert {word[4:] for word in record.split() if word.startswith("ip4:")} == {"198.51.100.20", "198.51.100.30"}


def test_a_new_domain_signs_from_its_first_message(inventory: Path) -> None:
    lab.lab("persona", "generic", "witness=true")
    with edit(inventory / "group_vars/all/pools.yml") as model:
        model["fleet_domains"]["news.example.org"] = {"pool": "campaign"}
    with Watch("mf1._domainkey.news.example.org") as watch, Flow((MX1, CAMPAIGN, "news.example.org")) as flow:
        run(inventory)
        known = time.time()
        time.sleep(1)
    # What comes before PowerMTA knows the domain has no pool there.
    sent = [message for message in flow.sent if message.sent > known or not MTA.any_port]
    nothing_lost_nothing_doubled(sent)
    own = {message.identity for message in sent}
    got = sorted((d for d in lab.deliveries() if d.identity in own), key=lambda delivery: delivery.received)
    assert watch.everywhere("v=DKIM1") < got[0].received
    assert {delivery.signed for delivery in got} == {(("news.example.org", "mf1"),)}
    assert all("not in the fleet" in reply for reply in flow.refusals), flow.refusals
    witnessed = [delivery.identity for delivery in got if delivery.persona == "generic"]
    seen = lab.wait_for("verdicts", lambda: (v := lab.verdicts()) and set(witnessed) <= v.keys() and v)
    assert {(seen[identity]["spf"], seen[identity]["dmarc"]) for identity in witnessed} == {("pass", "pass")}


def test_a_pool_with_mail_is_not_removed_from_a_host(inventory: Path) -> None:
    lab.lab("persona", "generic", "refuse=temporary")
    waiting = submit_one(MX2, TRANS, letter("tx.example.com"))
    with edit(inventory / "host_vars/mx2.yml") as host:
        line = host["fleet_ips"].pop("198.51.100.30")
    before = addresses("mx2"), generations("mx2")
    refused = lab.play(inventory)
    assert refused.code != 0
    assert (
        "mx2: 1 message is queued in pool trans, which this run would remove. Wait until "
        f"`{backend('mx2').queue_command('trans')}` is empty, or put the pool's addresses back into fleet_ips; "
        "nothing was changed."
    ) in refused.words
    assert (addresses("mx2"), generations("mx2")) == before
    lab.lab("persona", "generic", "refuse=")
    backend("mx2").flush("trans")
    nothing_lost_nothing_doubled([waiting])

    with edit(inventory / "group_vars/all/pools.yml") as model:
        entry = model.pop("fleet_entry")
    with Flow((MX2, CAMPAIGN, "example.com")) as flow:
        run(inventory)
    nothing_lost_nothing_doubled(flow.sent)
    assert not flow.refusals
    assert set(before[0]) - set(addresses("mx2")) == {"198.51.100.30/32"}
    assert not any(backend("mx2").serves(pool) for pool in ("trans", "entry"))
    with edit(inventory / "group_vars/all/pools.yml") as model:
        model["fleet_entry"] = entry
    with edit(inventory / "host_vars/mx2.yml") as host:
        host["fleet_ips"] = {"198.51.100.30": line, **host["fleet_ips"]}
    run(inventory)
    back = submit_one(MX2, TRANS, letter("tx.example.com"))
    nothing_lost_nothing_doubled([back])
    assert back.accepted


def test_reloads_under_load_lose_and_double_nothing(inventory: Path) -> None:
    lab.lab("persona", "generic", "latency=0.05,0.3")
    with Flow((MX1, CAMPAIGN, "example.com"), rate=50) as flow:
        for _each in range(2):
            time.sleep(2)
            backend("mx1").reload("campaign")
        time.sleep(1)
    assert not flow.refusals
    nothing_lost_nothing_doubled(flow.sent)


def test_everything_back_is_one_run_and_the_next_changes_nothing(inventory: Path) -> None:
    run(lab.INVENTORY)
    again = run(lab.INVENTORY)
    assert again.changed == {"mx1": 0, "mx2": 0}
    (record,) = txt("shop.example.org")
    assert {word for word in record.split() if word.startswith("ip4:")} == {f"ip4:{address}" for address in OF_CAMPAIGN}
