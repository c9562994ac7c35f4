# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The pure parts of the PowerMTA stand-in: what a configuration means, without a daemon."""

from __future__ import annotations

import csv
import datetime
import io

import pytest
from lab_personas import feedback
from powermta_standin import cold, layout, licence, message, notice, replies, reports, values
from powermta_standin.hosts import given_hosts
from powermta_standin.patterns import choose
from powermta_standin.queues import BACKOFF, FOREVER, NORMAL, Item, Queue, Route, Window
from powermta_standin.records import Layout
from powermta_standin.server import DEFAULT, Listener, Server, StartupError, key_files

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text

NOWHERE = Route(())
HEAD = "log-file /var/log/pmta/log\npostmaster postmaster@example.com\n"
CONFIG = (
    HEAD
    + """
smtp-listener 0/0:2588 source=campaign
smtp-listener [2001:db8::5]:25
domain-key mf1,example.com,/etc/pmta/keys/example.com/mf1.pem
domain-key any,*,/etc/pmta/keys/any.pem
domain-macro yahoos com,co.uk
relay-domain [*.]bounce.example.com
<virtual-mta v1>
    smtp-source-host 198.51.100.20 mta20.example.net
    smtp-source-host 2001:db8:100::20 mta20.example.net
    cold-virtual-mta v3
    <domain gmail.com>
        max-smtp-out 2
    </domain>
</virtual-mta>
<virtual-mta v2>
    smtp-source-host 198.51.100.21 mta21.example.net
    domain-key own,example.com,/etc/pmta/keys/own.pem
</virtual-mta>
<virtual-mta v3>
    smtp-source-host 198.51.100.22 mta22.example.net
</virtual-mta>
<virtual-mta-pool campaign>
    virtual-mta v1
    virtual-mta v2
    <domain *>
        max-smtp-out 8
        retry-after 5m,1h
    </domain>
</virtual-mta-pool>
<domain *>
    max-smtp-out 20
    retry-after 10m
    dkim-sign yes
    max-cold-virtual-mta-msg 2/day,5/day
</domain>
<domain yahoo.$yahoos>
    max-msg-rate 100/h
</domain>
<domain yahoo.com>
    max-msg-rate 50/h
</domain>
<domain [*.]example.org>
    bounce-after 1d
</domain>
<mx-rollup-list>
    mx *.google.com gmail.rollup
    mx mx1.orange.fr,mx2.orange.fr orange.rollup
    mx *.mail.protection.outlook.com outlook.rollup rollup-by-ip
</mx-rollup-list>
<domain gmail.rollup>
    smtp-hosts lookup-mx:gmail.com
</domain>
<smtp-pattern-list refusals>
    reply /421 4\\.7\\.28/ mode=backoff,backoff-to-normal-after=2h
    reply /4\\.7\\.28|S3150/ mode=backoff,disable-source-ip,reenable-after=1d
    reply /user unknown/ bounce-rcpt
</smtp-pattern-list>
<bounce-category-patterns>
    /user unknown/ bad-mailbox
    /^5\\.7\\./ policy-related
</bounce-category-patterns>
<pattern-list domains>
    mail-from /@bounce\\.tx\\.example\\.com$/ virtual-mta=v2
    header Subject /news/ virtual-mta=campaign
    rcpt-to /@gmail/ call-to: more
    rcpt-to /@icloud/ <pattern-list>
        header Subject /receipt/ virtual-mta=v1
        mail-from /@none/ virtual-mta=v2
    </pattern-list>
    rcpt-to /@me\\.com/ virtual-mta=v3
</pattern-list>
<pattern-list more>
    * virtual-mta=v3
</pattern-list>
<source 0/0>
    smtp-service yes
    log-commands no
    default-virtual-mta v1
</source>
<source 198.51.100.0/24>
    always-allow-relaying yes
    log-commands yes
</source>
<source campaign>
    default-virtual-mta campaign
</source>
<source {auth}>
    always-allow-relaying yes
</source>
<smtp-user shop>
    password secret
    source campaign
</smtp-user>
"""
)


def server(text: str = CONFIG, defaults: str = "") -> Server:
    config = check_text(text)
    assert not [found for found in config.findings if found.level == "error"], config.findings
    return Server(config, check_text(defaults))


def queue(settings: str = "") -> Queue:
    found = Queue("gmail.rollup", "v1", "campaign")
    words = (line.strip().partition(" ") for line in settings.split(";") if line.strip())
    found.configure({name: [value] for name, _blank, value in words})
    return found


def item(number: int = 0, route: Route = NOWHERE) -> Item:
    return Item("m", number, "b@example.com", "u@gmail.com", "v1", "campaign", 0.0, route=route)


def test_settings_of_a_queue_come_from_its_virtual_mta_then_its_pool_then_the_global_level() -> None:
    found = server()
    assert found.queue_settings("gmail.com", "v1", "campaign")["max-smtp-out"] == ["2"]
    assert found.queue_settings("gmail.com", "v2", "campaign")["max-smtp-out"] == ["8"]
    assert found.queue_settings("gmail.com", "v3", "")["max-smtp-out"] == ["20"]
    assert found.queue_settings("gmail.com", "v1", "campaign")["retry-after"] == ["5m,1h"]
    assert found.queue_settings("gmail.com", "v1", "campaign")["dkim-sign"] == ["yes"]


def test_a_domain_that_is_written_out_beats_the_same_domain_of_a_macro() -> None:
    found = server()
    assert found.queue_settings("yahoo.com", "v1", "")["max-msg-rate"] == ["50/h"]
    assert found.queue_settings("yahoo.co.uk", "v1", "")["max-msg-rate"] == ["100/h"]
    for domain in ("example.org", "deep.er.example.org"):
        assert found.queue_settings(domain, "v1", "")["bounce-after"] == ["1d"]
    assert "bounce-after" not in found.queue_settings("notexample.org", "v1", "")


def test_the_key_of_the_virtual_mta_comes_first_and_a_parent_signs_for_its_children() -> None:
    found = server()
    assert found.key_of("v2", "campaign", "example.com").selector == "own"
    assert found.key_of("v1", "campaign", "news.example.com").selector == "mf1"
    assert found.key_of("v1", "campaign", "elsewhere.example").selector == "any"
    assert len(list(key_files(found))) == 3


def test_sources_merge_from_general_to_specific_and_named_ones_win() -> None:
    found = server()
    assert found.source("198.51.100.9")["log-commands"] == ["yes"]
    assert found.source("198.51.100.9")["default-virtual-mta"] == ["v1"]
    assert found.source("198.51.100.9", "campaign")["default-virtual-mta"] == ["campaign"]
    assert "always-allow-relaying" not in found.source("203.0.113.9")
    assert found.source("203.0.113.9", "{auth}", "campaign")["always-allow-relaying"] == ["yes"]


def test_listeners_and_a_server_without_any() -> None:
    assert server().listeners == [Listener("0.0.0.0", 2588, "campaign"), Listener("2001:db8::5", 25, "")]
    assert server(HEAD).listeners == [Listener("0.0.0.0", 25, "")]
    assert server(HEAD).vmtas[DEFAULT].sources == ()


def test_no_log_file_is_no_start() -> None:
    with pytest.raises(StartupError, match="No logging file specified"):
        server("postmaster postmaster@example.com\n")


def test_mail_for_domains_of_our_own_is_taken_from_anybody() -> None:
    found = server()
    assert found.accepts_domain("bounce.example.com")
    assert found.accepts_domain("x.bounce.example.com")
    assert not found.accepts_domain("example.com")


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "gmail.rollup"),
        (["mx1.orange.fr", "mx2.orange.fr"], "orange.rollup"),
        (["mx1.orange.fr"], None),
        (["firm.mail.protection.outlook.com"], "outlook.rollup"),
        (["aspmx.l.google.com", "mx.elsewhere.example"], None),
        ([], None),
    ],
)
def test_rollup(hosts: list[str], name: str | None) -> None:
    assert server().rollup.queue(hosts) == name


def test_pattern_lists_choose_the_virtual_mta() -> None:
    lists = server().pattern_lists
    plain = {"mail-from": "b@bounce.example.com", "rcpt-to": "u@yahoo.com", "subject": "hello"}
    assert choose(lists, "domains", {**plain, "mail-from": "b@bounce.tx.example.com"}) == "v2"
    assert choose(lists, "domains", {**plain, "subject": "The News"}) == "campaign"
    assert choose(lists, "domains", {**plain, "rcpt-to": "u@gmail.com"}) == "v3"
    assert choose(lists, "domains", {**plain, "rcpt-to": "u@icloud.com", "subject": "Your receipt"}) == "v1"
    assert choose(lists, "domains", {**plain, "rcpt-to": "u@icloud.com"}) == ""
    assert choose(lists, "domains", {**plain, "rcpt-to": "u@me.com"}) == "v3"
    assert choose(lists, "domains", plain) == choose(lists, "", plain) == ""


def test_of_reply_actions_that_contradict_each_other_the_first_counts() -> None:
    rules = server().reply_lists["refusals"]
    assert replies.actions(rules, "421 4.7.28 unusual rate") == {
        "mode": "backoff", "backoff-to-normal-after": "2h", "disable-source-ip": "", "reenable-after": "1d",
    }  # fmt: skip
    assert replies.actions(rules, "450 User Unknown") == {"bounce-rcpt": ""}
    assert replies.actions(rules, "250 ok") == {}


def test_categories_of_the_configuration_come_before_the_shipped_ones() -> None:
    shipped = "<bounce-category-patterns>\n/./ other\n</bounce-category-patterns>\n"
    found = server(defaults=shipped).categories
    assert replies.bounce_category(found, "550 5.1.1 User unknown", "5.1.1") == "bad-mailbox"
    assert replies.bounce_category(found, "554 denied", "5.7.1") == "policy-related"
    assert replies.bounce_category(found, "554 strange", "5.0.0") == "other"


def test_a_window_is_never_passed_in_any_interval() -> None:
    window = Window((2, 60.0))
    for now in (0.0, 50.0):
        assert window.ready_at() <= now
        window.count(now)
    assert window.ready_at() == 60.0
    window.count(60.0)
    assert window.ready_at() == 110.0
    assert Window((3, 60.0), window).ready_at() == 0.0
    assert Window((1, 60.0), window).ready_at() == 120.0
    assert Window(None).ready_at() == 0.0


def test_retry_intervals_follow_the_list_and_its_last_one_repeats() -> None:
    found = queue("retry-after 5m,1h; backoff-retry-after 2h")
    assert [found.retry_after(attempts) for attempts in (1, 2, 3)] == [300, 3600, 3600]
    found.enter_backoff(0.0)
    assert found.retry_after(1) == 7200


def test_backoff_ends_by_time_by_delivery_or_never() -> None:
    for_ever = queue()
    for_ever.enter_backoff(0.0)
    for_ever.tick(1e12)
    assert for_ever.mode == BACKOFF
    timed = queue("backoff-to-normal-after 1h")
    timed.enter_backoff(0.0)
    timed.tick(3599.0)
    assert timed.mode == BACKOFF
    timed.tick(3600.0)
    assert timed.mode == NORMAL
    ruled = queue("backoff-to-normal-after 1h")
    ruled.enter_backoff(0.0, "2h")
    ruled.tick(3600.0)
    assert ruled.mode == BACKOFF
    delivering = queue("backoff-to-normal-after-delivery yes")
    delivering.enter_backoff(0.0)
    delivering.delivered()
    assert delivering.mode == NORMAL


def test_what_waits_is_ready_when_it_is_due_and_in_its_order() -> None:
    found, route = queue(), Route(((10, "mx.example", 25),))
    found.add(item(1, route), 50.0, now=0.0)
    found.add(item(2, route), 20.0, now=0.0)
    found.add(item(3, route), 0.0, now=0.0)
    assert (len(found), found.routes()) == (3, [(route, 1)])
    assert found.wake_at(0.0) == 0.0
    assert found.take(route).number == 3
    assert found.wake_at(0.0) == 20.0
    found.tick(20.0)
    assert found.take(route).number == 2
    assert found.take(route) is None
    found.hurry()
    found.tick(21.0)
    assert found.take(route).number == 1
    assert (len(found), found.wake_at(21.0)) == (0, FOREVER)


def test_what_had_no_way_asks_for_one_when_it_is_due() -> None:
    found, route = queue(), Route(((10, "mx.example", 25),))
    lost, routed = item(1), item(2, route)
    for each in (lost, routed):
        found.add(each, 50.0, now=0.0)
    assert found.unrouted() == []
    found.tick(50.0)
    assert found.unrouted() == [lost]
    assert found.waiting() == [routed]


def test_a_queue_that_cannot_be_served_waits_as_a_whole_unless_a_session_works() -> None:
    found = queue("retry-after 5m")
    found.sessions = 2
    found.failed(0.0, "421 too many connections")
    assert not found.blocked(1.0)
    found.sessions = 1
    found.failed(0.0, "no answer")
    assert found.blocked(299.0)
    assert not found.blocked(300.0)


def test_disabled_sources_come_back() -> None:
    found, both = queue(), (("198.51.100.20", "a"), ("198.51.100.21", "b"))
    found.disabled["198.51.100.20"] = 100.0
    found.tick(99.0)
    assert found.sources(both) == [both[1]]
    found.tick(100.0)
    assert found.sources(both) == list(both)


def test_cold_mail_counts_each_day_and_grows_with_the_list() -> None:
    state: dict[str, object] = {}
    days = ["2026-11-01"] * 3 + ["2026-11-02"] * 6 + ["2026-11-09"] * 6
    taken = [cold.take(state, "gmail.rollup/v3", "2/day,5/day", day) for day in days]
    assert taken == [True] * 2 + [False] + [True] * 5 + [False] + [True] * 5 + [False]
    assert not cold.take({}, "gmail.rollup/v3", "0/d", "2026-11-01")


def test_cold_virtual_mtas_take_turns_and_a_lower_number_holds_at_once() -> None:
    state: dict[str, object] = {}
    day, colds = "2026-11-01", ["v3", "v4"]
    chosen = [cold.choose(state, "gmail.rollup", colds, "2/d", day) for _message in range(5)]
    assert chosen == ["v3", "v4", "v3", "v4", None]
    assert cold.choose(state, "orange.rollup", colds, "1/d", day) == "v3"
    assert cold.choose(state, "orange.rollup", colds, "3/d", day) == "v4"
    assert cold.choose(state, "orange.rollup", ["v3"], "1/d", day) is None
    assert cold.choose(state, "gmail.rollup", colds, "2/d", "2026-11-02") == "v3"
    assert cold.choose({}, "gmail.rollup", [], "2/d", day) is None


def test_accounting_has_one_header_and_leaves_out_what_a_type_has_not() -> None:
    block = check_text(
        HEAD + "<acct-file /var/log/pmta/acct.csv>\nrecords d,t\n"
        "record-fields d timeLogged,rcpt,dsnDiag,dlvSize,header_Subject\n"
        "record-fields t *,!orcpt,vmtaPool\n</acct-file>\n"
    ).root.blocks[0]
    found = Layout(block)
    assert found.header[:5] == ["type", "timeLogged", "rcpt", "dsnDiag", "dlvSize"]
    assert "orcpt" not in found.header
    record = {"type": "d", "timeLogged": 0.0, "rcpt": "u@x.example", "dsnDiag": 'smtp;250 "ok", yes', "vmta": "v1"}
    text = found.headline() + found.line(record)
    assert text.count("\r\n") == 2
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["timeLogged"], row["dsnDiag"], row["vmta"]) == (
        "1970-01-01 00:00:00+0000", 'smtp;250 "ok", yes', "",
    )  # fmt: skip


def test_licences() -> None:
    today = datetime.date(2026, 11, 22)
    text = "# ours\nproduct: PowerMTA\nexpires: 2026-11-22\n"
    assert licence.read(text, today)["expires"] == "2026-11-22"
    for broken, words in (
        (text.replace("22", "21"), "expired on 2026-11-21"),
        (text.replace("PowerMTA", "Other"), "is not a licence"),
        (text.replace("2026-11-22", "soon"), '"soon" is not a date'),
        ("", "is not a licence"),
    ):
        with pytest.raises(licence.LicenceError, match=words):
            licence.read(broken, today)


def test_headers_are_read_unfolded_and_edited_where_they_stand() -> None:
    mail = b"X-Virtual-MTA: v1\r\nSubject: a\r\n b\r\nFrom: x@example.com\r\n\r\nbody\r\n"
    assert message.headers(mail)["subject"] == "a b"
    assert message.edit(mail, {"x-virtual-mta", "subject"}, ["Received: here"]) == (
        b"Received: here\r\nFrom: x@example.com\r\n\r\nbody\r\n"
    )


def test_values() -> None:
    assert values.seconds("1d12h") == 129600
    assert values.seconds("never") == FOREVER
    assert [values.rate(text) for text in ("100/h", "83/10m", "unlimited", "0")] == [(100, 3600), (83, 600), None, None]
    assert [str(values.network(text)) for text in ("10/8", "0/0", "[IPv6:2001:db8::1]")] == [
        "10.0.0.0/8", "0.0.0.0/0", "2001:db8::1/128",
    ]  # fmt: skip


def test_given_hosts() -> None:
    assert list(given_hosts("mx1.example:2525,[192.0.2.1];lookup-mx:example.com")) == [
        (0, "mx1.example", 2525), (0, "[192.0.2.1]", 25), (1000, "lookup-mx:example.com", 25),
    ]  # fmt: skip


def test_answers_in_every_format() -> None:
    data = {"queue": [{"name": "gmail.com/v1", "rcp": 2, "paused": False}]}
    assert layout.show(data, "--dom").splitlines()[0] == 'queue[0].name="gmail.com/v1"'
    assert "<queue><name>gmail.com/v1</name>" in layout.show(data, "--xml")
    assert layout.show(data, "").splitlines()[1].split() == ["gmail.com/v1", "2", "no"]
    assert '"rcp": 2' in layout.show(data, "--json")


def test_mail_that_waits_too_long_in_a_queue_that_cannot_be_served_expires() -> None:
    found, route = queue("bounce-after 1m; retry-after 10m"), Route(((10, "mx.example", 25),))
    found.add(item(1, route), 0.0, now=0.0)
    assert found.expired(61.0) == [], "it has its turn first"
    found.failed(0.0, "no answer")
    assert found.wake_at(0.0) == 60.0
    assert [each.number for each in found.expired(60.0)] == [1]
    assert len(found) == 0


PROCESSORS = (
    HEAD + "<bounce-processor>\n<address-list>\ndomain bounce.example.com\n</address-list>\n</bounce-processor>\n"
    "<feedback-loop-processor>\n<address-list>\naddress fbl@example.com\naddress /^abuse-.*@/\n</address-list>\n"
    "</feedback-loop-processor>\n"
)


def test_reports_are_known_by_their_address_and_their_form() -> None:
    found = server(PROCESSORS).processors
    assert "B1@Bounce.example.com" in found[reports.BOUNCE]
    assert "b1@example.com" not in found[reports.BOUNCE]
    assert all(address in found[reports.FEEDBACK] for address in ("fbl@example.com", "abuse-7@example.com"))

    record = {"persona": "gmail", "source": "198.51.100.21", "host": "mx.google.com"}
    sent = {"mail_from": "b1@bounce.example.com", "received": 0.0, "dkim": [{"d": "example.com"}], "rcpts": []}
    original = b"From: news@example.com\r\nSubject: hello\r\n\r\nbody\r\n"
    complaint = feedback.complaint(original, record, sent, "complain@gmail.com").as_bytes()
    (row,) = reports.read(complaint, "fbl@example.com", reports.FEEDBACK)
    assert (row["type"], row["orig"], row["rcpt"]) == ("f", "b1@bounce.example.com", "complain@gmail.com")
    assert (row["feedbackType"], row["repSourceIp"], row["header_Subject"]) == ("abuse", "198.51.100.21", "hello")
    bounce = feedback.bounce(original, record, sent, "u@gmail.com").as_bytes()
    (row,) = reports.read(bounce, "b1@bounce.example.com", reports.BOUNCE)
    assert (row["type"], row["rcpt"], row["dsnStatus"]) == ("rb", "u@gmail.com", "5.1.1")
    assert row["dsnDiag"] == "smtp;550 5.1.1 mailbox unavailable"
    assert (row["orig"], row["dsnReportingMta"]) == ("b1@bounce.example.com", "mx.google.com")
    assert list(reports.read(original, "fbl@example.com", reports.FEEDBACK)) == []


RECORD = {
    "orig": "a@x.example",
    "rcpt": "b@y.example",
    "dsnStatus": "5.1.1 (bad destination mailbox address)",
    "dsnDiag": "smtp;550 5.1.1 no such user",
}


def test_a_notice_is_one_that_processors_read() -> None:
    original = "From: a@x.example\r\nSubject: \u00e4\r\n\r\nsecret body\r\n".encode()
    built = notice.build("mx2", "postmaster@example.com", RECORD, "id", 0.0, original)
    assert b"\n" not in built.replace(b"\r\n", b"")
    assert b"secret body" not in built
    (read,) = reports.read(built, "a@x.example", reports.BOUNCE)
    assert {key: read[key] for key in ("type", "orig", "rcpt", "dsnStatus", "dsnDiag", "dsnReportingMta")} == {
        "type": "rb", "orig": "a@x.example", "rcpt": "b@y.example", "dsnStatus": "5.1.1",
        "dsnDiag": "smtp;550 5.1.1 no such user", "dsnReportingMta": "mx2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mail_from", "suppressed", "wanted"),
    [("a@x.example", False, True), ("", False, False), ("a@x.example", True, False)],
)
def test_a_null_sender_is_told_nothing(mail_from: str, suppressed: bool, wanted: bool) -> None:
    assert notice.wanted(mail_from, suppressed) is wanted
