# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The parts of the octoDNS backend that need no octoDNS: what an error means, how values are spelt, what is known."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, RRset
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns import _gap, _longest
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_client import explain
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_known import KNOWN, hidden_names, known
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_records import text_of
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import BackendSettings

SECRET = "hunter2-the-token"
PLACE = BackendSettings("cf", provider="cloudflare", settings={"token": SECRET, "nested": {"api_key": "deep-secret"}})


class HTTPError(Exception):
    def __init__(self, status, text="as the server says"):
        super().__init__(text)
        self.response = SimpleNamespace(status_code=status)


class BotoError(Exception):
    def __init__(self, status):
        super().__init__("An error occurred")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


class CodeError(Exception):
    def __init__(self, code):
        super().__init__("as the server says")
        self.code = code


class CloudflareRateLimitError(Exception):
    pass


class ReadTimeout(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize(
    ("error", "words", "unknown", "away"),
    [
        (HTTPError(429), "answers 429 (too many requests)", True, True),
        (BotoError(429), "answers 429", True, True),
        (CodeError("rate_limit_exceeded"), "answers 429", True, True),
        (CloudflareRateLimitError("wait"), "answers 429", True, True),
        (HTTPError(500), "answers 500 (as the server says)", True, False),
        (BotoError(503), "answers 503", True, False),
        (ReadTimeout(), "did not answer in time", True, True),
        (TimeoutError(), "did not answer in time", True, True),
        (ConnectionResetError(104, "reset"), "cannot be reached", True, True),
        (HTTPError(401), "rejects the credentials", False, False),
        (CodeError("unauthorized"), "rejects the credentials", False, False),
        (Exception("PowerDNS unauthorized host=x"), "rejects the credentials", False, False),
        (HTTPError(422, "bad value"), "answers with an error (HTTPError: bad value)", False, False),
        (KeyError("id"), "answers with an error (KeyError: 'id')", False, False),
    ],
)
def test_every_error_is_a_sentence(error, words, unknown, away):
    applied = explain(PLACE, error)
    assert f"DNS backend cf (cloudflare) {words}" in applied.problem
    assert ". Remedy: " in applied.problem
    assert applied.problem.endswith(".")
    assert (applied.unknown, applied.away, applied.conflict) == (unknown, away, False)


def test_no_sentence_holds_a_secret(monkeypatch):
    monkeypatch.setenv("MAILFLEET_TEST_TOKEN", "from-the-environment")
    place = PLACE._replace(settings={**PLACE.settings, "secret": "env/MAILFLEET_TEST_TOKEN"})
    text = explain(place, HTTPError(401, f"{SECRET} and deep-secret and\nfrom-the-environment")).problem
    assert "(*** and *** and ***)" in text
    assert SECRET not in repr(place)


@pytest.mark.parametrize(
    ("spelt", "value"),
    [
        ("v=DKIM1\\; k=rsa\\; p=AAAA", "v=DKIM1; k=rsa; p=AAAA"),
        ('a \\"quote\\"', 'a "quote"'),
        ("back\\\\slash", "back\\slash"),
        ("\\195\\188ber", "über"),
        ("\\255", "\udcff"),
        ("plain", "plain"),
        ("end\\", "end"),
    ],
)
def test_values_are_read_as_the_dns_shows_them(spelt, value):
    assert text_of("TXT", spelt) == value


def test_of_a_class_that_nobody_looked_at_the_worse_is_assumed():
    assert not known(BackendSettings("x", provider="octodns_ns1.Ns1Provider")).in_place
    assert known(BackendSettings("x", provider="octodns_ns1.Ns1Provider")).package == "octodns-ns1"
    assert known(BackendSettings("x", provider=KNOWN["powerdns"].path)).atomic
    assert known(BackendSettings("x", provider="hetzner")).in_place
    assert not known(BackendSettings("x", provider="hetzner", settings={"backend": "dnsapi"})).in_place


def test_a_gap_matters_only_where_others_have_values():
    def change(before, after):
        gone = tuple(value for value in before if value not in after)
        kept = RRset(60, before) if before else None
        return Change("example.com", "TXT", 60, tuple(set(after) - set(before)), gone, after, kept)

    assert _gap([change((), ("a",)), change(("a",), ("b",)), change(("a",), ())]) == ""
    assert "example.com TXT also holds x" in _gap([change(("a", "x"), ("b", "x"))])


def test_the_longest_zone_holds_the_name():
    zones = {"example.com", "sub.example.com", "com"}
    assert _longest("a.sub.example.com", zones) == "sub.example.com"
    assert _longest("notexample.com", zones) == "com"
    assert _longest("example.org", zones) == ""


def test_what_ovh_hides_is_named():
    records = [
        {"subDomain": "", "fieldType": "SPF"},
        {"subDomain": "_dmarc", "fieldType": "DMARC"},
        {"subDomain": "www", "fieldType": "A"},
    ]
    assert set(hidden_names("example.com", records)) == {"example.com", "_dmarc.example.com"}
