# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A report about real mail, made and mailed by the golden receiver, from its mailbox to the page of the domain."""

from __future__ import annotations

import re

import pytest

from tests.support import lab
from tests.support.inject import Message

GOLDEN, CAMPAIGN = "203.0.113.100", ("198.51.100.11", 2588)
SPOOFER = "203.0.113.1"  # the controller's address in the receivers' network
OURS, STRANGERS = 12, 3
DROP = "/var/lib/mailfleet-dmarc/drop"
NEWEST = "cat \"$(grep -lr 'Report Domain: example.com' /srv/lab/golden/inbox/new | tail -1)\""


def letters(number: int, sender: str, author: str) -> list[Message]:
    return [Message(sender, f"r{each}@golden.example", author) for each in range(number)]


def arrived() -> int:
    return len(lab.lab("golden").splitlines())


@pytest.fixture
def report(fleet: lab.Play) -> str:
    """The mail with the report about our messages and those of somebody else."""
    lab.lab("reset")
    ours = lab.submit(*CAMPAIGN, letters(OURS, "bounces@bounce.example.com", "news@example.com"))
    strange = lab.submit(GOLDEN, 25, letters(STRANGERS, "x@spoofer.example", "ceo@example.com"))
    assert all(message.accepted for message in (*ours, *strange))
    lab.wait_for("their mail and ours", lambda: arrived() >= OURS + STRANGERS)
    assert arrived() == OURS + STRANGERS
    lab.ssh("world", "rspamadm dmarc_report $(date -u +%Y%m%d)")
    return str(lab.wait_for("the report", lambda: lab.ssh("world", NEWEST, check=False)))


def test_the_report_names_the_stranger_and_counts_our_mail(report: str) -> None:
    lab.lab("run", "ssh", "mx1", f"mkdir -p {DROP} && cat > {DROP}/report.eml", stdin=report)
    done = lab.play(playbook=lab.ROOT / "playbooks/dmarc.yml")
    assert done.code == 0, done.output[-4000:]
    assert "example.com stays at p=none" in done.words
    page = lab.ssh("mx1", "cat /var/lib/mailfleet/dmarc/pages/example.com.html")
    (row,) = (line for line in page.splitlines() if f"<code>{SPOOFER}</code>" in line)
    assert f'<td>unknown</td><td class="number">{STRANGERS}</td>' in row
    assert "Somebody who pretends to be example.com" in row
    assert page.count("<td>unknown</td>") == 1
    found = re.search(r"<p>(\d+) own messages, (\S+) % passed", page)
    assert found
    assert int(found[1]) >= OURS
    assert found[2] == "100.00"
