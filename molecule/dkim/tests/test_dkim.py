# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Keys on both senders, and the signing service."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

from tests.support.lab import INVENTORY, ROOT
from tests.support.traffic import Source

KEYS = "/var/lib/mailfleet/dkim"
MILTER = Path(__file__).resolve().parents[1] / "milter.py"
Offer = Callable[[str, str], "tuple[str, list[list[str]]]"]


@pytest.fixture
def offer(python: Callable[..., str]) -> Offer:
    """Offer a message to the host's signing service: pool and From domain; its reply and the headers it added."""
    return lambda pool, domain: tuple(json.loads(python(MILTER.read_text(), pool, domain)))


def domains(here: list[Source]) -> dict[str, str]:
    """The pool of each domain that leaves from these sources."""
    return {domain: source.pool for source in here for domain in source.domains}


def test_the_host_has_the_keys_of_its_own_domains_and_no_others(host: Host, here: list[Source]) -> None:
    found = host.check_output(f"cd {KEYS} && stat -c '%n %a %U:%G' */*.private").splitlines()
    assert found == [f"{domain}/mf1.private 640 root:_rspamd" for domain in sorted(domains(here))]


def test_keys_have_2048_bits(host: Host, here: list[Source]) -> None:
    for domain in domains(here):
        assert "2048 bit" in host.check_output(f"openssl pkey -in {KEYS}/{domain}/mf1.private -noout -text | head -1")


def test_both_hosts_sign_with_the_same_keys() -> None:
    command = f"cd {KEYS} && sha256sum */*"
    mx1, mx2 = (
        set(testinfra.get_host(f"ansible://{name}?ansible_inventory={INVENTORY}").check_output(command).splitlines())
        for name in ("mx1", "mx2")
    )
    assert mx1 < mx2
    only_mx2 = sorted(line.split()[1] for line in mx2 - mx1)
    assert only_mx2 == ["example-outreach.com/mf1.private", "example-outreach.com/mf1.public"]


def test_no_private_key_came_to_rest_on_the_controller(host: Host) -> None:
    lines = host.check_output(f"find {KEYS} -name '*.private' -exec sed -sn 2p {{}} +").encode().split()
    assert lines
    places = [tempfile.gettempdir(), os.environ["ANSIBLE_HOME"], str(Path.home() / ".ansible"), str(ROOT)]
    # The disks of the lab's hosts may lie below one of these places; they are not the controller's.
    disks = ["-path", f"{os.environ['MAILFLEET_CACHE']}/lab*", "-prune", "-o"]
    fresh = ["-xdev", "-type", "f", "-mmin", "-30", "-size", "-10M", "-print0"]
    found = subprocess.run(["find", *places, *disks, *fresh], capture_output=True, text=True, check=False).stdout
    texts = {path: Path(path).read_bytes() for path in found.split("\0")[:-1] if Path(path).exists()}
    assert [path for path, text in texts.items() if any(line in text for line in lines)] == []


def test_the_service_runs_and_starts_at_boot(host: Host) -> None:
    assert host.service("rspamd").is_enabled
    assert host.service("rspamd").is_running


def test_every_domain_is_signed_in_its_own_pool(here: list[Source], offer: Offer) -> None:
    for domain, pool in domains(here).items():
        reply, ((header, value),) = offer(pool, domain)
        assert (reply, header) == ("a", "DKIM-Signature")
        tags = dict(tag.strip().split("=", 1) for tag in value.rstrip("; ").split(";"))
        assert (tags["d"], tags["s"], tags["a"]) == (domain, "mf1", "rsa-sha256")
        assert tags["h"].split(":").count("from") == 2, "nobody can add another From"


def test_a_domain_of_another_pool_is_refused_with_its_endpoints(offer: Offer) -> None:
    reply, added = offer("trans", "example.com")
    assert reply.startswith(
        "554 5.7.1 From domain example.com belongs to pool campaign; submit it at 198.51.100.11:2588"
    )
    assert added == []


def test_a_domain_that_nobody_knows_is_refused(offer: Offer) -> None:
    reply, added = offer("trans", "elsewhere.example")
    assert reply.startswith("554 5.7.1 From domain elsewhere.example is not a domain of this fleet")
    assert added == []


def test_without_its_key_a_message_is_held_back_until_the_key_is_there(host: Host, offer: Offer) -> None:
    key = f"{KEYS}/shop.example.org/mf1.private"
    host.check_output(f"mv {key} {key}.away")
    try:
        reply, added = offer("campaign", "shop.example.org")
    finally:
        host.check_output(f"mv {key}.away {key}")
    assert reply.startswith("451 4.7.1 cannot sign for shop.example.org with selector mf1 now")
    assert added == []
    assert len(offer("campaign", "shop.example.org")[1]) == 1
