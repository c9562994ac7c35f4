# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A policy that took its first step on six weeks of reports, and what is to be seen of it."""

from __future__ import annotations

import dns.resolver
import pytest
from testinfra.host import Host

from tests.support.dmarc_reports import STRANGER

PAGES = "/var/lib/mailfleet/dmarc/pages"


@pytest.mark.parametrize("server", ["192.0.2.53", "192.0.2.54"], ids=["primary", "secondary"])
def test_the_policy_took_one_step(server: str) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [server]
    (answer,) = resolver.resolve("_dmarc.example.com", "TXT")
    text = b"".join(answer.strings).decode()
    assert text == "v=DMARC1; p=quarantine; rua=mailto:dmarc@reports.example.net; np=reject; t=y"


def test_the_page_names_the_source_that_fails(host: Host) -> None:
    page = host.file(f"{PAGES}/example.com.html").content_string
    assert "p=quarantine; t=y</code> since" in page
    assert f"<code>{STRANGER}</code>" in page
    assert "Somebody who pretends to be example.com" in page
    assert "1680 own messages, 100.00 % passed" in page  # of fourteen days, the report that came twice counted once


def test_what_cannot_be_read_was_listed_and_put_aside(host: Host) -> None:
    archive = host.check_output("find /var/lib/mailfleet-dmarc/archive/Invalid -type f -printf '%f\n' | sort").split()
    assert archive == ["bomb.xml.gz", "no_report.xml"]
    assert (
        host.check_output("ls -A /var/lib/mailfleet-dmarc/drop /var/lib/mailfleet-dmarc/incoming | grep -c xml || true")
        == "0"
    )


def test_the_reader_of_reports_can_do_little(host: Host) -> None:
    assert host.service("mailfleet-dmarc-reports.timer").is_running
    shown = host.check_output(
        "systemctl show -p User,PrivateNetwork,ProtectSystem,NoNewPrivileges,Result mailfleet-dmarc-reports"
    )
    assert set(shown.split()) == {
        "User=mailfleet-dmarc",
        "PrivateNetwork=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "Result=success",
    }
    assert host.run("runuser -u mailfleet-dmarc -- cat /etc/mailfleet/dmarc-reports/live/parsedmarc.ini").failed
    assert host.run(f"runuser -u mailfleet-dmarc -- touch {PAGES}/index.html").failed
