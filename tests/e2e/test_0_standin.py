# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The PowerMTA stand-in by itself, with a configuration written by hand: what the tests on PowerMTA hosts stand on."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import lab
from tests.support.flow import letter, nothing_lost_nothing_doubled
from tests.support.inject import Message

HOST, ADDRESS, PORT = "mx2", "198.51.100.12", 2588
DOMAIN = "standin.example.org"
OURS = {"198.51.100.31": "mta31.example.net", "198.51.100.33": "mta33.example.net"}
LICENCE = (lab.ROOT / "tests/lab/powermta_standin/license.example").read_text()
CONFIG = f"""
log-file /var/log/pmta/log
postmaster postmaster@{DOMAIN}
run-as-root no
smtp-listener {ADDRESS}:{PORT} source=campaign
domain-key mf1,{DOMAIN},/etc/pmta/mf1.pem
<virtual-mta mta31>
    smtp-source-host 198.51.100.31 mta31.example.net
</virtual-mta>
<virtual-mta mta33>
    smtp-source-host 198.51.100.33 mta33.example.net
</virtual-mta>
<virtual-mta-pool campaign>
    virtual-mta mta31
    virtual-mta mta33
</virtual-mta-pool>
<smtp-pattern-list refusals>
    reply /421 4\\.7\\.0|4\\.7\\.28/ mode=backoff
</smtp-pattern-list>
<mx-rollup-list>
    mx *.google.com gmail.rollup rollup-by-ip
    mx *.googlemail.com gmail.rollup rollup-by-ip
</mx-rollup-list>
<domain *>
    dkim-sign yes
    max-smtp-out 4
    retry-after 5s
    backoff-retry-after 1h
    backoff-to-normal-after-delivery yes
    backoff-to-normal-after 1d
    smtp-pattern-list refusals
</domain>
<domain gmail.rollup>
    max-smtp-out 2
    max-msg-per-connection 3
</domain>
<source campaign>
    default-virtual-mta campaign
</source>
<source 198.51.100.1>
    always-allow-relaying yes
    suppress-local-dsn yes
</source>
<acct-file /var/log/pmta/acct.csv>
    records d,b
</acct-file>
<acct-file /var/log/pmta/acct-transient.csv>
    records t,tq
</acct-file>
"""
PUBLISH = f"""
import os, sys, dns.query, dns.tsig, dns.tsigkeyring, dns.update
key = dns.tsigkeyring.from_text({{"mailfleet-lab": os.environ["MAILFLEET_LAB_TSIG"]}})
change = dns.update.Update("example.org", keyring=key, keyalgorithm=dns.tsig.HMAC_SHA256)
public = "".join(line for line in sys.stdin.read().splitlines() if "-" not in line)
text = "v=DKIM1; k=rsa; p=" + public
parts = ['"%s"' % text[at:at + 200] for at in range(0, len(text), 200)]
change.add("mf1._domainkey.{DOMAIN}.", 60, "TXT", " ".join(parts))
spf = '"v=spf1 ip4:198.51.100.31 ip4:198.51.100.33 -all"'
change.add("{DOMAIN}.", 60, "TXT", spf)
change.add("bounce.{DOMAIN}.", 60, "TXT", spf)
change.add("_dmarc.{DOMAIN}.", 60, "TXT", '"v=DMARC1; p=reject"')
assert dns.query.tcp(change, "192.0.2.53").rcode() == 0
"""


def write(path: str, text: str, mode: str = "0640") -> None:
    lab.lab("run", "ssh", HOST, f"install -o pmta -g pmta -m {mode} /dev/stdin {path}", stdin=text)


def pmta(*words: str) -> str:
    return lab.ssh(HOST, f"pmta {' '.join(words)} 2>&1", check=False)


def reload(config: str) -> None:
    write("/etc/pmta/config", config)
    assert pmta("reload") == "Configuration reloaded.\n"


def submit(*recipients: str) -> list[Message]:
    sent = lab.submit(ADDRESS, PORT, [letter(DOMAIN, recipient) for recipient in recipients])
    assert all(message.accepted for message in sent), [message.reply for message in sent]
    return sent


def sources(sent: list[Message]) -> Counter[str]:
    """The addresses that these messages came from; sessions of earlier ones may still be open."""
    own = {message.identity for message in sent}
    return Counter(delivery.source for delivery in lab.deliveries() if delivery.identity in own)


def accounting(name: str = "acct") -> list[dict[str, str]]:
    files = lab.ssh(HOST, f"cat /var/log/pmta/{name}-2*.csv")
    return list(csv.DictReader(io.StringIO(files.replace("\r\n", "\n"))))


@pytest.fixture(scope="module", autouse=True)
def standin(bare_lab: None) -> Iterator[None]:
    """The package on a host that has nothing else, with its sources and its key; afterwards all is bare again."""
    package = Path(lab.lab("standin").strip())
    lab.lab("run", "scp", "-q", package, f"{HOST}:/root/pmta.deb")
    for address in OURS:
        lab.ssh(HOST, f"ip address add {address}/32 dev host0")
    lab.ssh(HOST, "apt-get -q update && apt-get -qy --no-install-recommends install /root/pmta.deb openssl")
    lab.ssh(HOST, "openssl genrsa -out /etc/pmta/mf1.pem 2048 && chown pmta: /etc/pmta/mf1.pem")
    public = lab.ssh(HOST, "openssl rsa -in /etc/pmta/mf1.pem -pubout")
    lab.lab("run", sys.executable, "-c", PUBLISH, stdin=public)
    write("/etc/pmta/config", CONFIG)
    yield
    lab.lab("rebuild", HOST, "world")


@pytest.fixture(autouse=True)
def _calm_receivers(standin: None) -> None:
    lab.lab("reset")


@pytest.mark.parametrize(
    ("licence", "words"),
    [(None, "License error: /etc/pmta/license cannot be read"), (LICENCE.replace("2099", "2020"), "expired on 2020-")],
)
def test_without_a_valid_licence_it_does_not_start(licence: str | None, words: str) -> None:
    if licence:
        write("/etc/pmta/license", licence)
    assert words in lab.ssh(HOST, "runuser -u pmta pmtad 2>&1; echo status $?")


def test_mail_leaves_from_the_addresses_of_its_pool_signed_and_within_the_limits() -> None:
    write("/etc/pmta/license", LICENCE)
    lab.ssh(HOST, "systemctl enable --now pmta")
    sent = submit(*["gmail.com", "generic.example", "golden.example"] * 12)
    personas = [message for message in sent if "golden" not in message.recipient]
    nothing_lost_nothing_doubled(personas)
    got = [d for d in lab.deliveries() if d.identity in {message.identity for message in personas}]
    assert {(d.source, d.helo) for d in got} == set(OURS.items())
    assert {d.signed for d in got} == {((DOMAIN, "mf1"),)}
    assert all(delivery.tls for delivery in got)
    own = [session for session in lab.sessions() if session["persona"] == "gmail"]
    assert max(session["connections"] for session in own) <= 2
    assert max(len(session["messages"]) for session in own) == 3
    golden = {message.identity for message in sent} - {message.identity for message in personas}
    seen = lab.wait_for("verdicts", lambda: (v := lab.verdicts()) and golden <= v.keys() and v)
    for identity in golden:
        verdict = seen[identity]
        assert [(d["result"], d["d"]) for d in verdict["dkim"]] == [("pass", DOMAIN)], verdict
        assert (verdict["spf"], verdict["dmarc"]) == ("pass", "pass"), verdict


def test_accounting_says_what_the_receivers_saw() -> None:
    before = len(accounting())
    sent = submit("gmail.com", "generic.example")
    (unknown,) = lab.submit(ADDRESS, PORT, [Message(f"b@bounce.{DOMAIN}", "unknown@gmail.com", f"n@{DOMAIN}")])
    assert unknown.accepted
    nothing_lost_nothing_doubled(sent)
    rows = lab.wait_for("three records", lambda: len(found := accounting()) == before + 3 and found[before:])
    kinds = Counter((row["type"], row["queue"].partition("/")[0], row["vmtaPool"]) for row in rows)
    assert kinds == {
        ("d", "gmail.rollup", "campaign"): 1, ("d", "generic.example", "campaign"): 1,
        ("b", "gmail.rollup", "campaign"): 1,
    }  # fmt: skip
    (bounce,) = (row for row in rows if row["type"] == "b")
    assert bounce["bounceCat"] == "bad-mailbox"
    assert bounce["dsnStatus"].startswith("5.1.1 (")
    assert bounce["dsnDiag"].startswith("smtp;550 5.1.1 ")


def test_an_error_in_the_configuration_changes_nothing() -> None:
    write("/etc/pmta/config", CONFIG + "max-smpt-out 3\n")
    line = len(CONFIG.splitlines()) + 1
    for words in (("reload",), ("test", "config")):
        assert f'Error in line {line} of /etc/pmta/config: "max-smpt-out" is not a directive' in pmta(*words)
    nothing_lost_nothing_doubled(submit("generic.example"))
    reload(CONFIG)


def test_a_refusal_puts_the_queue_into_backoff_and_a_delivery_ends_it() -> None:
    lab.lab("persona", "gmail", "refuse=temporary", "refuse_at=mail")
    sent = submit("gmail.com")

    def modes() -> set[str]:
        rows = json.loads(pmta("--json", "show", "queues", "'gmail.rollup/*'"))["data"]["queue"]
        return {row["mode"] for row in rows}

    lab.wait_for("backoff", lambda: "backoff" in modes())
    assert accounting("acct-transient")[-1]["type"] == "t"
    lab.lab("persona", "gmail", "refuse=")
    pmta("schedule", "--retry-recipients", "'gmail.rollup/*'")
    nothing_lost_nothing_doubled(sent)
    lab.wait_for("the end of the backoff", lambda: modes() == {"normal"}, 20)


def test_accepted_mail_survives_a_kill() -> None:
    pmta("pause", "queue", "'generic.example/*'")
    sent = submit(*["generic.example"] * 20)
    assert not sources(sent)
    lab.ssh(HOST, "systemctl kill -s KILL pmta")
    lab.wait_for("a new start", lambda: pmta("show", "status").startswith("version"))
    nothing_lost_nothing_doubled(sent)


def test_a_virtual_mta_hands_over_what_it_has() -> None:
    nothing_lost_nothing_doubled(submit(*["generic.example"] * 2))
    assert pmta("pause", "queue", "'generic.example/*'") == "2 queues affected.\n"
    sent = submit(*["generic.example"] * 10)
    host = "    smtp-source-host 198.51.100.31 mta31.example.net\n"
    reload(CONFIG.replace(host, f"{host}    <domain *>\n        reroute-to-virtual-mta mta33\n    </domain>\n"))
    pmta("resume", "queue", "'generic.example/*'")
    nothing_lost_nothing_doubled(sent)
    assert sources(sent) == {"198.51.100.33": 10}


def test_the_first_mail_of_the_day_goes_to_the_cold_virtual_mta() -> None:
    warm = "    smtp-source-host 198.51.100.31 mta31.example.net\n"
    cold = f"{warm}    cold-virtual-mta mta33\n"
    limit = "<domain generic.example>\n    max-cold-virtual-mta-msg 3/day\n</domain>\n"
    reload(CONFIG.replace(warm, cold).replace("    virtual-mta mta33\n", "") + limit)
    for wanted in ({"198.51.100.31": 7, "198.51.100.33": 3}, {"198.51.100.31": 10}):
        sent = submit(*["generic.example"] * 10)
        nothing_lost_nothing_doubled(sent)
        assert sources(sent) == wanted
        lab.ssh(HOST, "systemctl restart pmta")
    reload(CONFIG)


def test_reloads_and_stops_under_load_lose_and_double_nothing() -> None:
    lab.lab("persona", "generic", "latency=0.05,0.2")
    sent = submit(*["generic.example"] * 60)
    assert pmta("reload") == "Configuration reloaded.\n"
    lab.ssh(HOST, "systemctl restart pmta")
    nothing_lost_nothing_doubled(sent)
