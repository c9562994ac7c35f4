# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The whole site playbook: the senders work, and what they send is authentic; run again after a reboot."""

from __future__ import annotations

from typing import Any

from testinfra.host import Host

from tests.support.inject import Message
from tests.support.lab import submit, verdicts, wait_for
from tests.support.traffic import Source


def test_every_service_runs(host: Host, here: list[Source]) -> None:
    units = ["mailfleet-addresses", "mailfleet-steer", "mailfleet-ledger", "rspamd", "dovecot"]
    units += {f"mailfleet-postfix@{source.pool}" for source in here}
    # The one that watches addresses starts anew when somebody took some away.
    wait_for("all units", lambda: all(host.service(unit).is_running for unit in units), 20)
    assert host.check_output("systemctl list-units --failed --plain --no-legend") == ""


def test_the_golden_receiver_finds_every_domain_authentic(here: list[Source]) -> None:
    sent: dict[str, str] = {}
    for source in here:
        batch = {
            domain: Message(f"b@bounce.{domain}", "anna@golden.example", f"news@{domain}") for domain in source.domains
        }
        done = submit(source.submission, source.port, batch.values())
        assert [message.reply for message in done if not message.accepted] == []
        sent |= {message.identity: domain for domain, message in zip(batch, done)}

    def all_there() -> dict[str, dict[str, Any]] | None:
        found = verdicts()
        return found if sent.keys() <= found.keys() else None

    found = wait_for("all messages at the golden receiver", all_there)
    for identity, domain in sent.items():
        verdict = found[identity]
        assert (verdict["spf"], verdict["dmarc"]) == ("pass", "pass"), verdict
        assert [(result["result"], result["d"]) for result in verdict["dkim"]] == [("pass", domain)], verdict
