# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A whole rotation of the DKIM keys with mail going on, at an injected clock; the golden receiver has the last word."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.support import lab, site
from tests.support.flow import Flow

PLAYBOOK = lab.ROOT / "playbooks/dkim_rotate.yml"
DAY = 86400
RATE = 20
LISTENERS = (
    ("198.51.100.11", 2587, "tx.example.com"),
    ("198.51.100.11", 2588, "example.com"),
    ("198.51.100.11", 2588, "shop.example.org"),
    ("198.51.100.12", 2587, "tx.example.com"),
    ("198.51.100.12", 2588, "example.com"),
    ("198.51.100.12", 2588, "shop.example.org"),
)


class Calendar:
    """Runs of the playbook on the days of a rotation; a mailbox has what the receiver got, at the time of its day."""

    def __init__(self, inventory: Path, mailbox: Path) -> None:
        self._inventory, self._mailbox = inventory, mailbox
        self._golden = Path(lab.lab("run", "printenv", "MAILFLEET_LAB").strip(), "world/golden/inbox/new")
        self._start = time.time()
        self._real = self._now = self._start
        (mailbox / "new").mkdir(parents=True)
        with site.edit(inventory / "group_vars/all/rotation.yml") as model:
            seen = [{"maildir": str(mailbox), "authserv_id": "mx.golden.example"}]
            model["dkim_rotation"] = {"seen": seen}

    def _deliver(self) -> None:
        for path in self._golden.glob("*"):
            target = self._mailbox / "new" / path.name
            if not target.exists():
                shutil.copy(path, target)
                stored = self._now + path.stat().st_mtime - self._real
                os.utime(target, (stored, stored))

    def run(self, day: float, *options: str) -> str:
        """The sentences about every domain."""
        self._deliver()
        self._real, self._now = time.time(), self._start + day * DAY
        moment = datetime.fromtimestamp(self._now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        done = lab.play(self._inventory, "-e", f"dkim_rotation_now={moment}", *options, playbook=PLAYBOOK)
        assert done.code == 0, done.output[-4000:]
        return done.words


def stages(words: str) -> Counter[str]:
    return Counter(re.findall(r"'[a-z.-]+: (\w+) mf", words))


def txt(selector: str, domain: str) -> str:
    return "".join(site.txt(f"{selector}._domainkey.{domain}"))


@pytest.mark.timeout(400)
def test_mail_flows_through_a_whole_rotation_and_every_message_is_authentic(
    fleet: lab.Play, inventory: Path, tmp_path: Path
) -> None:
    calendar = Calendar(inventory, tmp_path / "mailbox")
    site.run(inventory)  # takes back what other tests left
    start = time.time()
    with Flow(*LISTENERS, rate=RATE, recipients=["golden.example"]) as flow:
        assert stages(calendar.run(0, "-e", "dkim_rotation_action=rotate")) == {"idle": 4}
        assert stages(calendar.run(0)) == {"staged": 4}
        assert stages(calendar.run(0)) == {"published": 4}
        words = calendar.run(0)
        assert stages(words) == {"visible": 4}
        new = re.findall(r"example.com: visible mf1 -> (\w+)", words)[0]
        assert stages(calendar.run(2.1)) == {"soaked": 4}
        # One domain leaves from one sender only, and so has no canary; none of its mail is under way here.
        assert stages(calendar.run(2.2)) == {"canary": 3, "switched": 1}
        canary = time.time()
        time.sleep(3)
        assert stages(calendar.run(2.3))["switched"] == 4
        switched = time.time()
        time.sleep(3)
        assert stages(calendar.run(2.4)) == {"idle": 3, "switched": 1}
        assert re.search("no receiver has yet found a message from mx. authentic", calendar.run(2.5)), "no proof"
        assert site.run(inventory).changed == {"mx1": 0, "mx2": 0}, "site.yml keeps what the rotation decided"
        assert "p=MII" in txt("mf1", "example.com"), "mail on its way needs the old key"
        assert "revoke mf1" in calendar.run(9.5)
        lab.wait_for("the revocation at both name servers", lambda: "p=MII" not in txt("mf1", "example.com"))
        assert "remove mf1" in calendar.run(40)
        lab.wait_for("the removal at both name servers", lambda: txt("mf1", "example.com").strip() == "")
        seconds = time.time() - start
    assert not flow.refusals
    assert len(flow.sent) > 0.5 * RATE * seconds
    authentic(flow, new, canary, switched)
    assert "mf1.private" not in lab.ssh("mx1", "ls /var/lib/mailfleet/dkim/example.com")


def authentic(flow: Flow, new: str, canary: float, switched: float) -> None:
    """No message is unsigned or fails, and from the switch on all are signed with the new key."""

    def all_there() -> dict[str, dict[str, object]] | None:
        found = lab.verdicts()
        return found if all(message.identity in found for message in flow.sent) else None

    found = lab.wait_for("all messages at the golden receiver", all_there)
    wrong = []
    for message in flow.sent:
        verdict, domain = found[message.identity], message.header_from.partition("@")[2]
        signatures = [(each["result"], each["d"]) for each in verdict["dkim"]]
        if signatures != [("pass", domain)] or verdict["dmarc"] != "pass":
            wrong.append(verdict)
    assert not wrong, wrong[:5]
    selectors = {message.identity: found[message.identity]["dkim"][0]["s"] for message in flow.sent}
    assert {selectors[m.identity] for m in flow.sent if m.sent < canary - 10} == {"mf1"}
    assert {selectors[m.identity] for m in flow.sent if canary < m.sent < canary + 3} == {"mf1", new}
    assert {selectors[m.identity] for m in flow.sent if m.sent > switched} == {new}
