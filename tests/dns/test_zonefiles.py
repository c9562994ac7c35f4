# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The zone file backend: what it writes is checked by named-checkzone and loaded by a real BIND."""

from __future__ import annotations

import os
import shutil
import subprocess

import bind
import pytest
from conftest import SPF, ZoneUnderTest, auth_of

from ansible_collections.mailfleet.mta.plugins.module_utils import _dns_zonefile
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import publish_auth, publish_records

CHECKZONE = shutil.which("named-checkzone", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin")
ZONE = "example.test"
VERIFICATION = "google-site-verification=abc"
WHOLE = """; kept by hand
$TTL 1h
$ORIGIN example.test.
@       IN SOA ns1 hostmaster (
            2026112101 ; serial
            3600 600 86400 60 )
        IN NS ns1
        300 IN TXT "google-site-verification=abc"
        300 IN TXT "with \\"quotes\\"; and \\\\"
        IN MX 20 backup.example.net.
ns1     IN A 127.0.0.1
www     IN CNAME @
big     IN TXT ( "aaaaaaaaaa"
                 "bbbbbbbbbb" )
child   IN NS ns.elsewhere.example.
"""


@pytest.fixture
def files(tmp_path):
    if CHECKZONE is None:
        pytest.skip("named-checkzone is not installed (Debian package bind9-utils)")
    directory = tmp_path / "zones"
    directory.mkdir()
    return directory


def dns_of(files, **more):
    return {"backend": "files", "backends": {"files": {"directory": str(files), **more}}}


def run_auth(files, *domains, check=False, phase="add", release=(), dns=None, **more):
    options = {
        "domains": list(domains),
        "keys": {auth["domain"]: {"mf1": "A" * 392} for auth in domains},
        "phase": phase,
        "release": list(release),
        "retired": [],
        "leftovers": "keep",
        "dns": dns or dns_of(files),
        "limits": {},
        "name_server_port": 53,
        "skip_name_servers": [],
        **more,
    }
    return publish_auth(options, check, lambda text: None)


def run_records(files, *records, check=False):
    common = {"limits": {}, "name_server_port": 53, "skip_name_servers": []}
    return publish_records({**common, "records": list(records), "dns": dns_of(files)}, check, lambda text: None)


def checked(path, zone=ZONE):
    """The zone as named-checkzone prints it."""
    done = subprocess.run([CHECKZONE, "-D", zone, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_whole_zone_is_changed_and_a_name_server_loads_it(files, tmp_path):
    path = files / f"{ZONE}.zone"
    path.write_text(WHOLE)
    planned = run_auth(files, auth_of(ZONE), check=True)
    assert planned["changed"]
    assert path.read_text() == WHOLE

    done = run_auth(files, auth_of(ZONE))
    assert not done.get("failed"), done["msg"]
    assert done["diff"] == planned["diff"]
    assert "nobody waited until it is seen" in done["warnings"][-1]
    assert str(path) in done["warnings"][-1]
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(files) == [path.name]
    assert "2026112102" in checked(path)

    server = bind.Bind(tmp_path / "bind", bind.free_port(), {ZONE: ""})
    shutil.copy(path, tmp_path / "bind/0.zone")
    with server:
        seen = ZoneUnderTest(server, ZONE)
        assert seen.serial == 2026112102
        assert seen.look("", "TXT") == (300, sorted([SPF, VERIFICATION, 'with "quotes"; and \\']))
        assert seen.values("", "MX") == ["10 mx1.example.com.", "20 backup.example.net."]
        assert seen.values("mf1._domainkey", "TXT") == ["v=DKIM1; k=rsa; p=" + "A" * 392]
        assert seen.values("bounce", "TXT") == [SPF]
        assert seen.values("www", "CNAME") == [f"{ZONE}."]
        assert seen.values("big", "TXT") == ["aaaaaaaaaabbbbbbbbbb"]

    before = path.read_bytes()
    again = run_auth(files, auth_of(ZONE))
    assert not again["changed"]
    assert path.read_bytes() == before
    assert again["warnings"] == []


def test_without_a_file_only_our_records_are_written_to_be_included(files, tmp_path):
    done = run_auth(files, auth_of(f"mail.{ZONE}"), dns=dns_of(files / "new", file="db.{zone}"))
    assert not done.get("failed"), done["msg"]
    path = files / "new" / f"db.{ZONE}"  # the registered domain, as no zone is named
    assert "SOA" not in path.read_text()
    zone = tmp_path / "whole"
    zone.write_text(f'{WHOLE}$INCLUDE "{path}"\n')
    assert f"_dmarc.mail.{ZONE}." in checked(zone)
    assert not run_auth(files, auth_of(f"mail.{ZONE}"), dns=dns_of(files / "new", file="db.{zone}"))["changed"]
    named = {**dns_of(files / "named"), "zones": {f"mail.{ZONE}": {"ttl": 60}}}
    run_auth(files, auth_of(f"mail.{ZONE}"), dns=named)
    assert os.listdir(files / "named") == [f"mail.{ZONE}.zone"]


def test_removals_and_shared_values(files):
    path = files / f"{ZONE}.zone"
    path.write_text(WHOLE)
    old = auth_of(ZONE, ips={"ip4": ["192.0.2.20"], "ip6": []}, other_fleet_ips={"ip4": ["192.0.2.10"], "ip6": []})
    run_auth(files, old)
    new = auth_of(ZONE, ips={"ip4": ["192.0.2.10"], "ip6": []})
    assert run_auth(files, new)["pending_removals"]
    assert "v=spf1 ip4:192.0.2.20 ip4:192.0.2.10 -all" in checked(path)
    run_auth(files, new, phase="final", release=[ZONE])
    assert '"v=spf1 ip4:192.0.2.10 -all"' in checked(path)
    assert VERIFICATION in checked(path)
    gone = {"name": f"www.{ZONE}", "type": "CNAME", "state": "absent"}
    assert run_records(files, gone)["changed"]
    assert "www" not in checked(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHOLE + "_dmarc IN CNAME else.example.\n", "_dmarc.example.test: is a CNAME to else.example"),
        (WHOLE + '@ 300 IN TXT "v=spf1 a -all"\n@ 300 IN TXT "v=spf1 mx -all"\n', "has 2 SPF records"),
        ("this is no zone file\n", "cannot be read as zone example.test"),
        ("$INCLUDE other.zone\n", "cannot be read as zone example.test"),
        (WHOLE + "@ IN NSEC3PARAM 1 0 10 AABB\n", "is signed (DNSSEC)"),
    ],
)
def test_a_file_that_stands_in_the_way_is_a_sentence_and_the_others_are_finished(files, text, words):
    path = files / f"{ZONE}.zone"
    path.write_text(text)
    done = run_auth(files, auth_of(ZONE), auth_of("other.test"))
    assert words in done["msg"]
    assert "Remedy: " in done["msg"]
    assert done["summary"] == {"total": 2, "changed": 1, "failed": 1, "ok": 1}
    assert path.read_text() == text
    assert (files / "other.test.zone").exists()


def test_a_delegated_name_is_refused(files):
    (files / f"{ZONE}.zone").write_text(WHOLE)
    done = run_auth(files, auth_of(f"child.{ZONE}"))
    assert f"belongs to child.{ZONE}, which is delegated" in done["msg"]


def test_a_cname_over_other_records_is_refused(files):
    path = files / f"{ZONE}.zone"
    path.write_text(WHOLE)
    done = run_records(files, {"name": f"big.{ZONE}", "type": "CNAME", "values": ["target.example"]})
    assert done["failed"]
    assert path.read_text() == WHOLE


def test_an_edit_between_plan_and_write_is_not_lost(files, monkeypatch):
    path = files / f"{ZONE}.zone"
    path.write_text(WHOLE)
    write, left = _dns_zonefile.ZoneFiles._write, [1]

    def late(self, *rest):
        if left:
            left.pop()
            path.write_text(WHOLE + '@ 300 IN TXT "somebody=else"\n')
        return write(self, *rest)

    monkeypatch.setattr(_dns_zonefile.ZoneFiles, "_write", late)
    done = run_auth(files, auth_of(ZONE))
    assert not done.get("failed"), done["msg"]
    assert done["zones"][0]["attempts"] == 2
    assert "somebody=else" in checked(path)
    assert SPF in checked(path)


def test_a_write_that_fails_leaves_the_old_file(files, monkeypatch):
    path = files / f"{ZONE}.zone"
    path.write_text(WHOLE)

    def full(*_args):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(_dns_zonefile, "replace_file", full)
    done = run_auth(files, auth_of(ZONE))
    assert "Read-only file system" in done["msg"]
    assert "Remedy: let the controller write" in done["msg"]
    assert not done["changed"]
    assert path.read_text() == WHOLE


@pytest.mark.parametrize(("serial", "after"), [(1, 2), (4294967295, 1)])
def test_the_serial_goes_on(files, serial, after):
    path = files / f"{ZONE}.zone"
    path.write_text(WHOLE.replace("2026112101", str(serial)))
    run_auth(files, auth_of(ZONE))
    assert f" {after} 3600 600" in checked(path)


def test_what_left_the_inventory_leaves_the_file(files):
    run_auth(files, auth_of(ZONE, tls_rpt=["mailto:tls@example.com"]))
    assert "_smtp._tls" in (files / f"{ZONE}.zone").read_text()
    done = run_auth(files, auth_of(ZONE), phase="final", leftovers="remove")
    assert done["summary"]["failed"] == 0
    assert "_smtp._tls" not in (files / f"{ZONE}.zone").read_text()
