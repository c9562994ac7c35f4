# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The audit against real name servers, two of which disagree, and a real web server with a policy file."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bind
import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_task import check_auth
from tests.support.audit_world import KEY_1024, KEY_2048

SPF = "v=spf1 ip4:192.0.2.10 -all"
POLICY = "version: STSv1\nmode: enforce\nmx: mail.host.test\nmax_age: 604800\n"


def txt(name: str, value: str) -> str:
    return f"{name} TXT " + " ".join(f'"{value[at : at + 200]}"' for at in range(0, len(value), 200)) + "\n"


def sending(**change: str) -> str:
    """The lines of a good sending domain; a keyword replaces those of one name."""
    parts = {
        "ns": "@ NS ns2\nns2 AAAA ::1\n",
        "mx": "@ MX 10 mail.host.test.\n",
        "spf": txt("@", SPF),
        "bounce": "bounce MX 10 mail.host.test.\n" + txt("bounce", SPF),
        "key": txt("mf1._domainkey", f"v=DKIM1; k=rsa; p={KEY_2048}"),
        "dmarc": txt("_dmarc", "v=DMARC1; p=reject; rua=mailto:dmarc@host.test"),
        "sts": txt("_mta-sts", "v=STSv1; id=1") + "mta-sts A 127.0.0.1\n",
        "rpt": txt("_smtp._tls", "v=TLSRPTv1; rua=mailto:tls@host.test"),
    }
    return "".join({**parts, **change}.values())


HOSTS = (
    "@ MX 10 mail\nmail A 192.0.2.25\n"
    "mta10 A 192.0.2.10\nmta11 A 192.0.2.11\n"
    + "".join(txt(f"mta{n}", "v=spf1 a -all") for n in (10, 11))
    + "".join(txt(f"{name}.test._report._dmarc", "v=DMARC1") for name in ("good", "weak", "split", "shop", "web"))
)
ZONES = {
    "good.test": sending(),
    "weak.test": sending(
        key=txt("mf1._domainkey", f"v=DKIM1; k=rsa; t=y; p={KEY_1024}"),
        spf=txt("@", SPF) + txt("@", "v=spf1 ~all"),
        dmarc=txt("_dmarc", "v=DMARC1; p=none; pct=50; rua=mailto:dmarc@host.test"),
    ),
    "split.test": sending(),
    "shop.test": sending(key="mf1._domainkey CNAME key\n" + txt("key", f"v=DKIM1; k=rsa; p={KEY_2048}")),
    "web.test": sending(),
    "parked.test": "@ NS ns2\nns2 AAAA ::1\n@ MX 0 .\n"
    + txt("@", "v=spf1 -all")
    + txt("bounce", "v=spf1 -all")
    + txt("_dmarc", "v=DMARC1; p=reject")
    + txt("*._domainkey", "v=DKIM1; p="),
    "broken.test": "this is no zone file\n",
    "host.test": HOSTS,
    "2.0.192.in-addr.arpa": "10 PTR mta10.host.test.\n11 PTR mta11.host.test.\n11 PTR www.host.test.\n",
}
STALE = {**ZONES, "split.test": sending(dmarc=txt("_dmarc", "v=DMARC1; p=none"))}
ADDRESSES = [{"address": "192.0.2.10", "helo": "mta10.host.test"}]


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = POLICY.encode()
        if self.headers["Host"].startswith("mta-sts.shop.test"):
            self.send_response(301)
            self.send_header("Location", "https://mta-sts.good.test/.well-known/mta-sts.txt")
            self.end_headers()
            return
        self.send_response(200 if self.path == "/.well-known/mta-sts.txt" else 404)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Options that lead to two name servers and a web server."""
    if bind.NAMED is None:
        pytest.skip("named is not installed (Debian package bind9)")
    place, port = tmp_path_factory.mktemp("check"), bind.free_port()
    certificate, key = place / "web.pem", place / "web.key"
    names = ",".join(f"DNS:mta-sts.{name}.test" for name in ("good", "weak", "split", "shop"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=web"]
    command += ["-addext", f"subjectAltName={names}", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with (
        bind.Bind(place / "one", port, ZONES),
        bind.Bind(place / "two", port, STALE, address=bind.SECONDARY),
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as web,
    ):
        web.socket = context.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield {
            "resolver": bind.PRIMARY,
            "resolver_port": port,
            "name_server_port": port,
            "policy_port": web.server_address[1],
            "ca_file": str(certificate),
        }
        web.shutdown()


def domain(name: str, **more: object) -> dict[str, object]:
    return {
        "domain": name,
        "pool": "campaign",
        "selector": "mf1",
        "return_path": f"bounce.{name}",
        "ips": {"ip4": ["192.0.2.10"], "ip6": []},
        "other_fleet_ips": {"ip4": [], "ip6": []},
        **more,
    }


def options(world, **change):
    given = {
        "domains": [],
        "addresses": [],
        "keys": {},
        "signing": [],
        "timeout": 2,
        "skip": [],
        "fail_on": "never",
        **world,
    }
    return {**given, "levels": ["error", "warning", "info"], **change}


def found(world, *names, **change):
    done = check_auth(options(world, domains=[domain(name) for name in names], **change))
    # Both name servers are on this machine, and the test zones have short times.
    usual = {"name-servers"}
    return {(one["check"], one["subject"]): one for one in done["findings"] if one["check"] not in usual}


def test_a_good_domain_and_its_address_have_no_finding(world):
    assert found(world, "good.test", addresses=ADDRESSES) == {}


def test_what_is_wrong_is_found_with_the_records_as_evidence(world):
    seen = found(world, "weak.test")
    assert {check for check, _subject in seen} == {
        "spf-one",
        "dkim-key-short",
        "dkim-test-mode",
        "dmarc-policy",
        "dmarc-no-such-name",
        "dmarc-removed-tags",
    }
    assert f'weak.test TXT "{SPF}"' in seen["spf-one", "weak.test"]["evidence"]
    assert seen["dkim-key-short", "weak.test"]["evidence"][0] == "1024 bits"


def test_name_servers_that_disagree_are_named_with_what_they_show(world):
    seen = found(world, "split.test")
    assert set(seen) == {("name-servers-agree", "split.test")}
    evidence = "\n".join(seen["name-servers-agree", "split.test"]["evidence"])
    assert "ns1.split.test (127.0.0.1)" in evidence
    assert 'ns2.split.test (::1): _dmarc.split.test TXT "v=DMARC1; p=none"' in evidence


def test_a_delegated_key_is_followed_and_a_redirected_policy_is_not(world):
    seen = found(world, "shop.test")
    assert set(seen) == {("mta-sts-file", "shop.test")}
    assert "301" in seen["mta-sts-file", "shop.test"]["text"]


def test_a_certificate_for_another_name_is_found(world):
    seen = found(world, "web.test")
    assert set(seen) == {("mta-sts-file", "web.test")}
    assert "certificate" in seen["mta-sts-file", "web.test"]["text"]


def test_a_web_server_that_does_not_answer_is_a_finding(world):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        seen = found(world, "good.test", timeout=1, policy_port=silent.getsockname()[1])
        assert time.monotonic() - start < 10
    assert set(seen) == {("mta-sts-file", "good.test")}


def test_addresses_are_checked_both_ways(world):
    given = [*ADDRESSES, {"address": "192.0.2.11", "helo": "mta11.host.test"}]
    given += [{"address": "192.0.2.12", "helo": "mta12.host.test"}]
    seen = found(world, addresses=given)
    assert set(seen) == {
        ("ptr-one", "192.0.2.11"),
        ("ptr", "192.0.2.12"),
        ("helo-address", "192.0.2.12"),
        ("helo-spf", "192.0.2.12"),
    }
    assert seen["ptr", "192.0.2.12"]["evidence"] == ["12.2.0.192.in-addr.arpa PTR: no such name (NXDOMAIN)"]


def test_a_zone_that_fails_is_a_finding_and_the_others_are_checked(world):
    seen = found(world, "broken.test", "weak.test")
    broken = {check: one for (check, subject), one in seen.items() if subject == "broken.test"}
    assert set(broken) == {"dns-answers"}
    assert "broken.test TXT: answers SERVFAIL" in broken["dns-answers"]["evidence"]
    assert ("dkim-test-mode", "weak.test") in seen


def test_the_key_that_the_senders_hold_is_compared(world):
    seen = found(world, "good.test", keys={"good.test": {"mf1": KEY_1024}})
    assert set(seen) == {("dkim-other-key", "good.test")}
    assert found(world, "good.test", keys={"good.test": {"mf1": KEY_2048}}) == {}


def test_the_selectors_that_sign_are_asked_for_not_the_first_one(world):
    rows = [{"domain": "good.test", "pool": "campaign", "selector": selector} for selector in ("mf2", "mf1", "mf1")]
    seen = found(world, "good.test", signing=rows)
    assert set(seen) == {("dkim", "good.test")}
    assert seen["dkim", "good.test"]["remedy"] == "Run site.yml, which publishes mf2._domainkey.good.test."


def test_a_parked_domain_must_say_that_it_sends_nothing(world):
    parked = {"profile": "parked", "pool": "", "ips": {}}
    for name, expected in (("parked.test", set()), ("good.test", {"parked-spf", "parked-mx", "parked-dkim"})):
        done = check_auth(options(world, domains=[domain(name, **parked)]))
        assert {one["check"] for one in done["findings"]} - {"name-servers"} == expected
        assert done["checked"] == {"domains": 0, "parked": 1, "addresses": 0}


def test_a_domain_that_others_send_needs_no_key_and_no_return_path_of_ours(world):
    elsewhere = {"pool": "", "ips": {}, "selector": "none", "return_path": "bounce.nowhere.test"}
    done = check_auth(options(world, domains=[domain("good.test", **elsewhere)]))
    assert {one["check"] for one in done["findings"]} <= {"name-servers"}


def test_a_resolver_that_is_silent_is_said_once(world):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        change = {"resolver_port": silent.getsockname()[1], "timeout": 1}
        with pytest.raises(ValueError, match=r"answered none of the questions.*Remedy"):
            found(world, "good.test", **change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"resolver": "dns.example.com"}, "resolver: 'dns.example.com' is no IP address. Remedy"),
        ({"ca_file": "/nowhere.pem"}, "ca_file: /nowhere.pem cannot be read"),
        ({"skip": ["no-such-check"]}, "skip: 'no-such-check' is no check. Remedy: use one of ptr,"),
        ({"domains": [{"domain": "good.test", "selector": "mf1"}]}, r"domains\[0\].return_path: is missing"),
        ({"addresses": [{"address": "192.0.2.300", "helo": "a.test"}]}, r"addresses\[0\].address: '192.0.2.300'"),
        ({"addresses": ["192.0.2.10"]}, r"addresses\[0\].address: is missing"),
    ],
)
def test_bad_input_gets_a_sentence(world, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_auth(options(world, **change))


def test_levels_choose_what_is_returned_and_skip_what_is_asked(world):
    every = check_auth(options(world, domains=[domain("good.test")], levels=["ok"]))
    assert {one["level"] for one in every["findings"]} == {"ok"}
    assert every["summary"]["ok"] == len(every["findings"])
    assert every["checked"] == {"domains": 1, "parked": 0, "addresses": 0}
    assert ("dkim-test-mode", "weak.test") not in found(world, "weak.test", skip=["dkim-test-mode"])


def test_as_a_task_it_changes_nothing_and_fails_when_asked(world, tmp_path: Path):
    task = {"domains": json.dumps([domain("weak.test")]), **world, "fail_on": "error"}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"mailfleet.mta.auth_check": task}]}]
    (tmp_path / "play.json").write_text(json.dumps(play))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local"]
    done = subprocess.run([*command, str(tmp_path / "play.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "dkim-test-mode" in done.stdout
    assert "Remedy: Take t=y out of mf1._domainkey.weak.test." in done.stdout
    task["fail_on"] = "never"
    (tmp_path / "play.json").write_text(json.dumps(play))
    done = subprocess.run([*command, str(tmp_path / "play.json")], capture_output=True, text=True, check=False)
    assert "ok=1    changed=0" in done.stdout, done.stdout + done.stderr
