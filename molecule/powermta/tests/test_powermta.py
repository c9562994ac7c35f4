# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A sender on PowerMTA, for which the lab's stand-in serves."""

from __future__ import annotations

import json
import shutil
import uuid
from collections import Counter
from pathlib import Path

import pytest
import yaml
from testinfra.host import Host

from tests.support import lab
from tests.support.inject import Message
from tests.support.traffic import Source, arrived

CONVERGE = Path(__file__).resolve().parents[1] / "converge.yml"


def state(host: Host) -> tuple[str, str]:
    """The process of the server, and what it may read."""
    return host.check_output("systemctl show -p MainPID pmta"), host.check_output(
        "readlink /etc/mailfleet/powermta/live"
    )


def in_one_line(words: str) -> str:
    return " ".join(words.split())


def run(local: str = "", **options: str) -> lab.Play:
    """The scenario's playbook once more, with other values of the role's variables."""
    values = {f"powermta_{name}": value for name, value in {"local": local, **options}.items()}
    return lab.play(lab.INVENTORY, "-e", json.dumps(values), playbook=CONVERGE)


def test_the_service_runs_and_greets_on_the_ports_of_its_pools(host: Host, here: list[Source]) -> None:
    assert host.service("pmta").is_running
    assert host.service("pmta").is_enabled
    assert all(host.socket(f"tcp://0.0.0.0:{port}").is_listening for port in {source.port for source in here} | {587})
    assert not host.socket("tcp://0.0.0.0:25").is_listening


def test_secrets_are_for_the_server_only(host: Host) -> None:
    wanted = {
        "/etc/pmta/license": ("pmta", "pmta", 0o600),
        "/etc/pmta/users.conf": ("root", "pmta", 0o640),
        "/etc/mailfleet/tls/powermta.pem": ("pmta", "pmta", 0o600),
        "/var/lib/mailfleet/dkim/example.com/mf1.private": ("root", "pmta", 0o640),
    }
    for path, owned in wanted.items():
        file = host.file(host.check_output("readlink -f %s", path))
        assert (file.user, file.group, file.mode) == owned, path


def test_limits_and_kernel_settings_are_set(host: Host) -> None:
    assert host.check_output("systemctl show -p LimitNOFILE --value pmta") == "65536"
    assert host.check_output("cat /proc/sys/net/ipv4/ip_local_port_range").split() == ["10240", "65535"]


def test_mail_leaves_from_an_address_of_its_pool_by_the_sender_domain(here: list[Source]) -> None:
    sent = []
    for source in here:
        domain = source.domains[0]
        message = Message(f"bounces@bounce.{domain}", "anna@generic.example", f"news@{domain}")
        sent += [(source.pool, done) for done in lab.submit(source.submission, source.port, [message])]
    got = {delivery.identity: delivery for delivery in arrived(message for _pool, message in sent)}
    own = {(pool, address) for pool in {source.pool for source in here} for address in addresses(here, pool)}
    assert {(pool, got[message.identity].source) for pool, message in sent} <= own


def addresses(here: list[Source], pool: str) -> list[str]:
    return [address for source in here if source.pool == pool for address in source.addresses]


def test_a_sender_of_no_pool_gets_its_mail_back_at_once(host: Host, here: list[Source]) -> None:
    sender = f"lost-{uuid.uuid4().hex}@generic.example"
    (done,) = lab.submit(here[0].submission, here[0].port, [Message(sender, "anna@gmail.com")])
    assert done.accepted

    def notices() -> list[lab.Delivery]:
        return [delivery for delivery in lab.deliveries() if sender in delivery.recipients]

    (notice,) = lab.wait_for("the report", notices, 20)
    assert (notice.persona, notice.mail_from) == ("generic", "")
    assert done.identity not in {delivery.identity for delivery in lab.deliveries()}
    assert "/no-pool" not in host.check_output("pmta list")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"local": "<domain x.example>\n  max-smtp-uot 3\n</domain>"},
            '/etc/pmta/local.conf:4: error: "max-smtp-uot" is not a directive of PowerMTA. Did you mean max-smtp-out?',
        ),
        (
            {"local": "include /etc/pmta/mine.conf", "license": "product: PowerMTA\nexpires: 2020-01-31"},
            "powermta_license expired on 2020-01-31. Set the new one; "
            "local.conf:3: include /etc/pmta/mine.conf: there is no such file on this host.",
        ),
        ({"license": "mine"}, "PowerMTA refused its new configuration and has the previous one again: License error:"),
        ({"local": "smtp-listener 0/0:22"}, "has the previous one again: Error: smtp-listener 0.0.0.0:22"),
    ],
    ids=["directive", "include and licence", "no licence", "taken port"],
)
def test_what_is_wrong_is_named_and_the_server_goes_on(host: Host, options: dict[str, str], words: str) -> None:
    before = state(host)
    refused = run(**options)
    assert refused.code != 0
    assert words in in_one_line(refused.words)
    assert state(host) == before


def test_a_change_is_reloaded_and_only_some_need_a_restart(host: Host) -> None:
    before, _live = state(host)
    assert run("<domain x.example>\n  max-smtp-out 3\n</domain>").code == 0
    assert state(host)[0] == before
    assert run(http_port="8081").code == 0
    assert state(host)[0] != before


def test_an_address_that_warms_up_gets_the_first_mail_of_the_day(
    host: Host, here: list[Source], tmp_path: Path
) -> None:
    """25 messages to Outlook on the first day, 50 on the fourth: a new number comes by a reload, with the old count."""
    inventory = Path(shutil.copytree(lab.INVENTORY, tmp_path / "inventory"))
    own = inventory / "host_vars/mx2.yml"
    model = yaml.safe_load(own.read_text())
    model["fleet_ips"]["198.51.100.33"]["warmup"] = {"plan": "six-weeks", "start": "2026-11-23"}
    own.write_text(yaml.safe_dump(model))
    source = next(source for source in here if source.pool == "campaign")
    warm, cold = "198.51.100.31", "198.51.100.33"
    sent: list[Message] = []
    processes = set()
    for day, ceiling in (("2026-11-23", 25), ("2026-11-26", 50)):
        assert lab.play(inventory, "-e", f"fleet_today={day}", playbook=CONVERGE).code == 0
        news = [Message("b@bounce.example.com", "anna@outlook.com", "news@example.com") for _number in range(30)]
        sent += lab.submit(source.submission, source.port, news)
        assert all(one.accepted for one in sent)
        placed = ways(host, sent)
        # Most of the cold address's mail waits for its hour.
        assert (placed[warm], placed[cold] + placed["waiting"]) == (len(sent) - ceiling, ceiling)
        assert 1 <= placed[cold] <= 5
        processes.add(state(host)[0])
    assert len(processes) == 1
    live = state(host)
    assert lab.play(inventory, "-e", "fleet_today=2026-11-26", playbook=CONVERGE).code == 0
    assert state(host) == live


def ways(host: Host, sent: list[Message]) -> Counter[str]:
    """How many of these left from which address, and how many wait at the cold one, once this is known of all."""
    own = {message.identity for message in sent}

    def all_placed() -> Counter[str] | None:
        found = Counter(delivery.source for delivery in lab.deliveries() if delivery.identity in own)
        shown = host.check_output("pmta --json show queues 'outlook.rollup/ip-198-51-100-33'")
        found["waiting"] = sum(row["rcp"] for row in json.loads(shown)["data"]["queue"])
        return found if found.total() == len(own) else None

    return Counter(lab.wait_for("every message's way", all_placed))
