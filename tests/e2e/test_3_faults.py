# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Faults: a run that meets one ends with a sentence that names host, cause and remedy, and mail goes on as before.

The tests follow each other with one inventory; what a run could not do in one of them is done when the fault is mended.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import lab, traffic
from tests.support.backends import backend
from tests.support.flow import Flow, letter, nothing_lost_nothing_doubled
from tests.support.site import addresses, boots, edit, generations, run, submit_one

MX1, MX2 = "198.51.100.11", "198.51.100.12"
ENTRY, CAMPAIGN = 587, 2588
MTA = backend("mx1")
LISTENERS = [(source.submission, source.port, source.domains[0]) for source in traffic.sources()]
LISTENERS = sorted({*LISTENERS, (MX1, ENTRY, "tx.example.com")})
ON_MX1, ON_MX2 = ([listener for listener in LISTENERS if listener[0] == host] for host in (MX1, MX2))
KEY = "/var/lib/mailfleet/dkim/{}/mf1.private"
SMALL_DISK = (
    "mkdir -p /run/small && mount -t tmpfs -o size=32m small /run/small && cp -a /etc/mailfleet/. /run/small"
    " && mount --bind /run/small /etc/mailfleet && ! dd if=/dev/zero of=/etc/mailfleet/filling 2>/dev/null"
)
OCCUPY = (
    "systemd-run --unit=occupied python3 -c '"
    'import socket, time; s = socket.create_server(("", 2599)) if {listen} else socket.socket(); '
    '{listen} or s.bind(("", 2599)); time.sleep(600)\''
)


@pytest.fixture(autouse=True)
def _calm_receivers(fleet: lab.Play) -> None:
    lab.lab("reset")


@pytest.fixture(scope="module")
def inventory(fleet: lab.Play, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the lab's inventory that lives through all faults, with less patience for the DNS."""
    copy = Path(shutil.copytree(lab.INVENTORY, tmp_path_factory.mktemp("faults") / "inventory"))
    with edit(copy / "group_vars/all/dns.yml") as model:
        model["fleet_dns"].update(timeout=1, wait=3)
    return copy


def add_domain(inventory: Path, name: str, pool: str = "campaign") -> None:
    """An edit that changes keys, DNS, signing and Postfix."""
    with edit(inventory / "group_vars/all/pools.yml") as model:
        model["fleet_domains"][name] = {"pool": pool}


@contextmanager
def mail_goes_on(listeners: list[tuple[str, int, str]] = LISTENERS) -> Iterator[None]:
    """Every listener takes mail, and delivers it, all the time."""
    with Flow(*listeners, rate=10) as flow:
        yield
        time.sleep(len(listeners) / 10 + 0.5)
    assert not flow.refusals
    nothing_lost_nothing_doubled(flow.sent)


@contextmanager
def broken(host: str, fault: str, repair: str) -> Iterator[None]:
    try:
        lab.ssh(host, fault)
        yield
    finally:
        lab.ssh(host, repair)


def configuration() -> list[object]:
    """What a run that fails leaves as it was."""
    return [look(host) for look in (addresses, generations) for host in ("mx1", "mx2")]


def refused(inventory: Path, *options: str) -> str:
    """The words of a run that fails."""
    done = lab.play(inventory, *options)
    assert done.code != 0, done.output[-3000:]
    return done.words


@pytest.mark.alike
def test_name_servers_that_do_not_do_as_they_should(inventory: Path) -> None:
    run(inventory)
    add_domain(inventory, "late.example.org")
    before = configuration()
    both = "named-primary named-secondary"
    with broken("world", f"systemctl stop {both}", f"systemctl start {both}"):
        words = refused(inventory)
    assert (
        "DNS server 192.0.2.53 port 53 refuses the connection (nothing listens there). "
        "Remedy: check dns.server and that UDP and TCP port 53 are open from the controller."
    ) in words
    assert configuration() == before

    with edit(inventory / "group_vars/all/dns.yml") as model:
        secret, model["fleet_dns"]["key_secret"] = model["fleet_dns"]["key_secret"], "bm90LXRoaXMtb25l"
    with mail_goes_on():
        words = refused(inventory)
    assert (
        "zone example.org: DNS server 192.0.2.53 port 53 rejects the TSIG key 'mailfleet-lab' (BADSIG). "
        "Remedy: correct key_secret and key_algorithm."
    ) in words
    assert configuration() == before
    with edit(inventory / "group_vars/all/dns.yml") as model:
        model["fleet_dns"]["key_secret"] = secret

    with broken("world", "systemctl stop named-secondary", "systemctl start named-secondary"), mail_goes_on():
        words = refused(inventory)
    assert "name server ns2.dns.example (192.0.2.54 port 53) refuses the connection (nothing listens there)" in words
    assert "Remedy: check that it runs and gets NOTIFY and zone transfers from 192.0.2.53" in words
    assert configuration() == before

    with mail_goes_on():
        run(inventory)
    sent = submit_one(MX1, CAMPAIGN, letter("late.example.org"))
    assert sent.accepted
    nothing_lost_nothing_doubled([sent])


@pytest.mark.alike
def test_a_sender_that_is_down(inventory: Path) -> None:
    lab.ssh("mx2", "systemctl poweroff", check=False)
    lab.wait_for("mx2 gone", lambda: "mx2: trixie, 198.51.100.12, stopped" in lab.lab("status", check=False))
    try:
        with mail_goes_on(ON_MX1):
            words = refused(inventory)
    finally:
        lab.lab("up")
        boots("mx2")
    assert re.search(
        r"mx2 cannot be reached: .*198\.51\.100\.12 port 22: .*\. Start it, or leave it out of this run with "
        r"--limit '!mx2'\. Nothing was changed on any sender\.",
        words,
    )
    with mail_goes_on():
        assert run(inventory).changed == {"mx1": 0, "mx2": 0}, "the host came back as it was"


def test_a_disk_that_is_full(inventory: Path) -> None:
    add_domain(inventory, "later.example.org", "trans")
    before = configuration()
    with broken("mx1", SMALL_DISK, "umount -l /etc/mailfleet /run/small"), mail_goes_on():
        words = refused(inventory)
    assert re.search(
        r"mx1: The file system /etc/mailfleet is full: \d+ kB and \d+ inodes are free, not enough for "
        rf"/etc/mailfleet/{MTA.first}\. Free some space there\. The live configuration is unchanged\.",
        words,
    )
    assert configuration() == before
    with mail_goes_on():
        run(inventory)


@pytest.mark.alike
def test_a_package_that_cannot_be_installed(inventory: Path) -> None:
    package = "python3-prometheus-client"
    fault = f"dpkg --purge --force-depends {package} && mv /etc/apt/sources.list /etc/apt/away && apt-get -q update"
    with broken("mx2", fault, "mv /etc/apt/away /etc/apt/sources.list"), mail_goes_on():
        words = refused(inventory)
    assert re.search(
        rf"mx2: .*{package}.* could not be installed: .*{package}.*\. Mend the package sources of the host "
        r"\(apt-get update shows their state\) and run again; its running mail services were not touched\.",
        words,
    )
    with mail_goes_on():
        run(inventory)
    assert "ok installed" in lab.ssh("mx2", f"dpkg-query -W -f '${{Status}}' {package}")


@pytest.fixture
def other_port(inventory: Path) -> Iterator[None]:
    with edit(inventory / "group_vars/all/pools.yml") as model:
        model["fleet_pools"]["campaign"]["port"] = 2599
    yield
    with edit(inventory / "group_vars/all/pools.yml") as model:
        del model["fleet_pools"]["campaign"]["port"]


def test_a_configuration_that_cannot_work(inventory: Path, other_port: None) -> None:
    live = f"readlink /etc/mailfleet/{MTA.name}/live"
    before = generations("mx2"), lab.ssh("mx1", live)
    with broken("mx1", OCCUPY.format(listen=True), "systemctl stop occupied"), mail_goes_on():
        words = refused(inventory, "-e", MTA.nonsense)
    assert re.search(MTA.about_nonsense, words)
    assert (generations("mx2"), lab.ssh("mx1", live)) == before


def test_a_canary_that_fails_goes_back_and_the_others_stay_as_they_are(inventory: Path, other_port: None) -> None:
    """A socket that is bound and does not listen: nobody sees it before the MTA does."""
    before = generations("mx2")
    with broken("mx1", OCCUPY.format(listen=False), "systemctl stop occupied"):
        with mail_goes_on(ON_MX2):
            words = refused(inventory)
        assert re.search(MTA.about_port, words)
        assert generations("mx2") == before
        with mail_goes_on():
            pass


def test_a_killed_run_is_finished_by_the_next(inventory: Path) -> None:
    add_domain(inventory, "latest.example.org")
    words = [str(lab.LAB), "run", "ansible-playbook", "-i", str(inventory), str(lab.ROOT / "site.yml")]
    with mail_goes_on():
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=lab.ROOT, start_new_session=True) as killed:
            assert killed.stdout
            for line in killed.stdout:
                if f"mailfleet.mta.{MTA.name} : service" in line:
                    os.killpg(killed.pid, signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
        assert run(inventory).changed["mx1"]
    new = [submit_one(host, CAMPAIGN, letter("latest.example.org")) for host in (MX1, MX2)]
    assert all(message.accepted for message in new)
    nothing_lost_nothing_doubled(new)


def test_a_hand_edit_is_shown_and_taken_back(inventory: Path) -> None:
    (path, line), (gone, missing) = MTA.edited, MTA.removed
    lab.ssh("mx2", f"echo '{line}' >> {path}; rm {gone}")
    with mail_goes_on():
        done = lab.play(inventory, "--diff")
    assert (done.code, done.changed["mx1"]) == (0, 0), done.output[-3000:]
    assert f"-{line}\n" in done.output
    assert f"after: {path}" in done.output
    assert f"+{missing}\n" in done.output
    assert line not in lab.ssh("mx2", f"cat {path}")


@pytest.mark.only("postfix", reason="PowerMTA signs by itself")
def test_a_dead_signer_holds_mail_back_until_the_next_run(inventory: Path) -> None:
    lab.ssh("mx1", "systemctl kill -s KILL rspamd; systemctl stop rspamd")
    held = submit_one(MX1, CAMPAIGN, letter("example.com"))
    assert held.reply == "451 4.7.1 Service unavailable - try again later"
    assert run(inventory).changed == {"mx1": 1, "mx2": 0}
    with mail_goes_on():
        pass


def test_a_missing_key_is_named_and_comes_back_from_another_signer(inventory: Path) -> None:
    """The other signer of example.com still has its key; the domain that only mx2 sends for has no other."""
    elsewhere = {domain for _address, _port, domain in ON_MX1}
    ((_address, port, domain),) = (listener for listener in ON_MX2 if listener[2] not in elsewhere)
    shared, only = KEY.format("example.com"), KEY.format(domain)
    lab.ssh("mx1", f"mv {shared} /root/shared; {MTA.forget_keys}")
    with broken("mx2", f"mv {only} /root/only; {MTA.forget_keys}", f"mv /root/only {only}"):
        for address, at, name in ((MX1, CAMPAIGN, "example.com"), (MX2, port, domain)):
            reply = submit_one(address, at, letter(name)).reply
            assert reply.startswith(MTA.without_key.format(name)), reply
        words = refused(inventory)
    assert (
        f"{domain}/mf1: mx2 has the public half of a key whose private half is gone. Restore {only} there, "
        "or give the domain another selector; until then its mail is held back there."
    ) in words
    run(inventory)
    assert lab.ssh("mx1", f"cmp /root/shared {shared} && echo same") == "same\n"
    with mail_goes_on():
        pass
