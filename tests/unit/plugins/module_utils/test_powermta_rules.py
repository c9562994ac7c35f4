# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Rules over lines and blocks: what is an error, what only a warning, and what is all right."""

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import findings

WHOLE = "postmaster a@example.com\nlog-file /var/log/pmta/log\n<spool /var/spool/pmta>\n</spool>\n"
VMTA = "<virtual-mta v1>\nsmtp-source-host 192.0.2.1 m1.example.com\n</virtual-mta>\n"
POOL = "<virtual-mta-pool {}>\nvirtual-mta v1\n<domain *>\nmax-smtp-out 5\n</domain>\n</virtual-mta-pool>\n"
LIST = "<smtp-pattern-list busy>\nreply /busy/ {}\n</smtp-pattern-list>\n"

ERRORS = {
    "no log file": (WHOLE.replace("log-file", "#log-file"), "does not start without"),
    "pool named like a virtual MTA": (
        VMTA + "<virtual-mta-pool v1>\nvirtual-mta v1\n</virtual-mta-pool>",
        "name of the",
    ),
    "in two pools with domains": (VMTA + POOL.format("p1") + POOL.format("p2"), "both pools have <domain> blocks"),
    "pool of an unknown one": (VMTA + "<virtual-mta-pool p>\nvirtual-mta v12\n</virtual-mta-pool>", "Did you mean v1?"),
    "pool of a pool": (VMTA + POOL.format("p1") + POOL.format("p2").replace("mta v1", "mta p1"), "which is a pool"),
    "unknown pattern list": (
        LIST.format("skip-mx") + "<domain *>\nsmtp-pattern-list bsy\n</domain>",
        "Did you mean busy?",
    ),
    "undefined in a whole one": (WHOLE + "<source 0/0>\ndefault-virtual-mta p\n</source>", "which is not defined"),
    "unknown source of a user": (
        "<source {auth-1}>\nallow-auth yes\n</source>\n<smtp-user u>\npassword x\nsource {auth-2}\n</smtp-user>",
        "Did you mean {auth-1}?",
    ),
    "loop of macros": ("domain-macro a $b\ndomain-macro b x.example,$a", "loop of macros"),
    "unknown macro": (
        "domain-macro yahoo a.example\n<domain yahoo.$tld>\nmax-smtp-out 5\n</domain>",
        "uses the macro tld",
    ),
    "wildcard without hosts": (
        WHOLE
        + "<mx-rollup-list>\nmx *.example a.rollup\n</mx-rollup-list>\n<domain a.rollup>\nmax-smtp-out 5\n</domain>",
        "Add rollup-by-ip",
    ),
    "unknown macro of a key": ("domain-macro a x.example\ndomain-key s,y.$b,/k", "uses the macro b"),
    "unknown macro of a relay": ("domain-macro a x.example\nrelay-domain $b", "uses the macro b"),
    "proxy without client": (WHOLE + "<proxy p>\nserver 192.0.2.1:1\n</proxy>", "has no client"),
    "list in a list without end": ("<pattern-list p>\n* <pattern-list>\n</pattern-list>", "is never closed"),
    "list in a list with a name": (
        "<pattern-list p>\n<pattern-list q>\n</pattern-list>\n</pattern-list>",
        "cannot stand inside",
    ),
    "command without end": ('<domain a.example>\ncommand "/bin/x --from=""$from""\n</domain>', "not closed"),
    "lines left out of a whole one": (WHOLE + "<domain *>\n...\n</domain>", "were left out"),
    "list in a reply": (LIST.format("<pattern-list>"), "unknown action"),
    "retaining with a word": ('<acct-file /a.csv>\nprivacy-policy retain "X"\n</acct-file>', "takes retain alone"),
    "category with a slash": ("<bounce-category-patterns>\n/a/b/other\n</bounce-category-patterns>", "as \\/"),
    "listener that is no address": ("smtp-listener mail:25 tls=yes", "ADDRESS:PORT"),
    "proxied and not": (
        "<virtual-mta v>\nsmtp-source-host 192.0.2.1 a.example\n"
        "smtp-proxy-source-host 192.0.2.1 192.0.2.9:80 198.51.100.1 a.example\n</virtual-mta>",
        "Keep one of them",
    ),
    "second vault": ("<vault>\n</vault>\n<vault>\n</vault>", "only one is allowed"),
    "secret with a hash": ("<smtp-user u>\npassword pa#ss\n</smtp-user>", "without #"),
    "include in a pool": ("<virtual-mta-pool p>\ninclude /x.conf\n</virtual-mta-pool>", "does not belong into"),
    "include in categories": ("<bounce-category-patterns>\ninclude /x\n</bounce-category-patterns>", "does not belong"),
    "password in a domain": ("<domain *>\npassword x\n</domain>", "write auth-password"),
    "wrong scope": ("process-x-virtual-mta yes", "Move it to <source>"),
    "starttls in a source": ("<source 0/0>\nrequire-starttls yes\n</source>", "Move it to <domain>"),
    "old two-value form": ("<virtual-mta v>\ncold-virtual-mta 192.0.2.1 a.example\n</virtual-mta>", "takes one value"),
    "unlimited connections": ("<domain *>\nmax-smtp-out unlimited\n</domain>", "is not documented here"),
    "header in accounting": ("<acct-file /a.csv>\nheader yes\n</acct-file>", "the header line is always written"),
    "braces": ("virtual-mta-pool p {\nvirtual-mta v1\n}", "no blocks in braces"),
    "key out of its form": ("http-api-key abc", "is not of the form"),
    "number out of range": ("<domain *>\nqueue-priority 101\n</domain>", "from 0 to 100"),
    "pattern outside": ("/spam/ spam-related", "Move it to <bounce-category-patterns>"),
    "pasted blank": ("max-smtp-out\u00a05 x", "special blank"),
    "pasted quotes": ("log-file \u201c/var/log/pmta/log\u201d", "Write plain double quotes"),
    "empty log file": (WHOLE.replace("/var/log/pmta/log", '""'), "does not start without"),
    "bytes that are no text": ("postmaster a@example.com\n\0", "was not read"),
    "sources with a comma": ("<source 192.0.2.1,192.0.2.2>\nsmtp-service yes\n</source>", "one address, network or"),
    "argument as in XML": ('<smtp-user name="u">\npassword x\n</smtp-user>', "takes one argument"),
    "braces of nothing": (VMTA + "<source 0/0>\ndefault-virtual-mta {v1}\n</source>", "which is not defined"),
    "unknown list in braces": (
        LIST.format("skip-mx") + "<domain *>\nsmtp-pattern-list {busy}\n</domain>",
        "not defined",
    ),
    "unknown filter": (
        "<signals-filter one>\nsender-or-from x.example enable-signals\n</signals-filter>\nenable-signals on",
        "Did you mean one?",
    ),
    "value left out of a whole one": (WHOLE + "domain-key ...", "were left out"),
}
WARNINGS = {
    "value left out of a part": (
        "<domain-key-list k>\ndomain-key ...\ndomain-key ...\n</domain-key-list>",
        "were left out",
    ),
    "block of an old release": ("<gm-imprinter>\naccount-id 5\n</gm-imprinter>", "releases before 5.0"),
    "name with blanks": ('<smtp-user "two words">\npassword x\n</smtp-user>', "Rename it"),
    "virtual MTA without an address": (WHOLE + "<virtual-mta v>\n</virtual-mta>", "has no smtp-source-host"),
    "queue that goes nowhere": ("<domain a.example>\nqueue-to b.rollup\n</domain>", "where its mail goes"),
    "rollup by IP in capitals": (
        "<mx-rollup-list>\nmx *.a.example b.rollup ROLLUP-BY-IP\n</mx-rollup-list>\n<domain b.rollup>\n</domain>",
        "Write *.a.example b.rollup rollup-by-ip",
    ),
    "command with quotes": ('<acct-file |/bin/sh -c "cat x">\nrecords d\n</acct-file>', '"|/bin/sh -c \\"cat x\\"">'),
    "macro that ends with a comma": (
        "domain-macro a x.example,\n<domain $a>\nmax-smtp-out 5\n</domain>",
        "no domain follows",
    ),
    "address for a domain": ("<domain 192.0.2.1>\nmax-smtp-out 5\n</domain>", "Write [192.0.2.1]"),
    "domain in unknown braces": ("<domain {nothing}>\nmax-smtp-out 5\n</domain>", "which no guide knows"),
    "pattern list behind its source": (
        "<source 0/0>\npattern-list p\n</source>\n" + VMTA + "<pattern-list p>\n* virtual-mta=v1\n</pattern-list>",
        "Move it before",
    ),
    "records twice": ("<acct-file /a.csv>\nrecords d\nrecords b\n</acct-file>", "may stand only once"),
    "part of a proxy": ("<proxy p>\nserver 192.0.2.1:1\n</proxy>", "has no client"),
    "part of a listener": (
        "<transmissions-api-listener 0/0:443>\ntls-dh-key-length 2048\n</transmissions-api-listener>",
        "has no tls-certificate",
    ),
    "macro behind its key": ("domain-key s,x.$tld,/k\ndomain-macro tld com", "Define it before"),
    "macro behind a backslash": ("domain-macro t com\n<domain x.\\$t>\nmax-smtp-out 5\n</domain>", "Write x.$t"),
    "quotes in a command": ('<domain a.example>\ncommand "/bin/x --from=""$from"""\n</domain>', "within its quotes"),
    "lines left out of a part": ("<domain *>\n  ...settings...\n</domain>", "were left out"),
    "other name of a block": (
        "<suppression-list s>\naddress a@x.example\n</suppression-list>\n<source 0/0>\nsuppression-lists s\n</source>",
        "Write <address-list>",
    ),
    "old name": ("<domain *>\n421-means-mx-unavailable yes\n</domain>", "Use smtp-421-means-mx-unavailable"),
    "listener with TLS": ("smtp-listener 0/0:465 tls=yes", "immediate-tls"),
    "pattern wrapped before its end": (
        "<bounce-category-patterns>\n/a (b|c)\n (d|e)\n / bad-mailbox\n/f\n/ other\n</bounce-category-patterns>",
        "goes on in the next line",
    ),
    "category right behind its pattern": (
        "<bounce-category-patterns>\n/too (few|many)/other\n</bounce-category-patterns>",
        "Write a blank",
    ),
    "lost backslashes": (LIST.replace("busy/", "[TS01] busy/").format("skip-mx"), "lost its backslashes"),
    "lost digits": (LIST.replace("busy/", "d+.d+ busy/").format("skip-mx"), "lost its backslashes"),
    "same domain twice": ("<domain *>\nmax-smtp-out 5\n</domain>\n" * 2, "stands here and in line 1"),
    "same directive twice": ("<domain *>\nmax-smtp-out 5\nmax-smtp-out 6\n</domain>", "which one counts"),
    "faster in backoff": ("<domain *>\nmax-msg-rate 99/h\nbackoff-max-msg-rate 99/m\n</domain>", "speeds up"),
    "never out of backoff": (
        LIST.format("mode=backoff") + "<domain *>\nsmtp-pattern-list busy\n</domain>",
        "never leaves",
    ),
    "monitor for everybody": ("http-access 0.0.0.0/0 admin", "gives everybody"),
    "shadowed access": ("http-access 0/0 monitor\nhttp-access 10/8 admin", "never reached"),
    "open relay": ("<source 0/0>\nalways-allow-relaying yes\n</source>", "lets everybody relay"),
    "open relay by a listener": (
        "smtp-listener 0/0:25 source=in\n<source in>\nalways-allow-relaying yes\n</source>",
        "lets everybody relay who reaches",
    ),
    "open relay by a listener in a block": (
        "<smtp-listener 0/0:25>\nsource in\n</smtp-listener>\n<source in>\nalways-allow-relaying yes\n</source>",
        "lets everybody relay who reaches",
    ),
    "relay for every domain": ("relay-domain *", "for every domain"),
    "key behind that of its parent": ("domain-key a,example.com,/k\ndomain-key b,x.example.com,/l", "never signs"),
    "second key of a domain": ("domain-key a,example.com,/k\ndomain-key b,example.com,/l", "never signs"),
    "host name that receives": ("host-name mail.example.com", "accepts mail for that domain"),
    "catch-all key first": ("domain-key a,*,/k\ndomain-key b,example.com,/k", "never reached"),
    "capitals": ("Postmaster a@example.com", "Write postmaster"),
    "capital value": ("run-as-root Yes", "Write yes"),
    "units in another order": ("<domain *>\nbounce-after 12h4d\n</domain>", "in the order 1w2d12h30m"),
    "bytes without a unit": ("<source 0/0>\nmax-message-size 1000000\n</source>", "deprecated"),
    "deprecated": ("<domain *>\nroute mx.example\n</domain>", "Use smtp-hosts"),
    "only seen": ("sync-msg-create false", "in no guide"),
    "cold and off": (VMTA + "<virtual-mta v0>\ncold-virtual-mta v1\n</virtual-mta>", "gets no mail"),
    "rollup without mail": ("<domain lost.rollup>\nmax-smtp-out 5\n</domain>", "no mx line"),
    "macro behind its use": ("<domain $a>\nmax-smtp-out 5\n</domain>\ndomain-macro a x.example", "Define it before"),
    "macro over two lines": ("domain-macro a x.example,\n   y.example", "goes on in the next line"),
    "macro name alone": ("domain-macro a\n   x.example,y.example", "goes on in the next line"),
    "pattern over two lines": (
        "<bounce-category-patterns>\n/(no such|\n\nunknown) user/ bad-mailbox\n</bounce-category-patterns>",
        "goes on in the next line",
    ),
    "argument in a closing tag": ("<domain-key-list k>\n</domain-key-list k>", "A closing tag has no argument"),
    "list defined elsewhere": ("<domain *>\nsmtp-pattern-list busy\n</domain>", "which is not defined"),
    "names differ by case": (VMTA + VMTA.replace("v1", "V1"), "only by case"),
    "byte order mark": ("\ufeffpostmaster a@example.com", "byte order mark"),
    "bytes of another encoding": ("# caf\ufffd", "UTF-8"),
    "loopback as a source": ("smtp-source-host 127.0.0.1 a.example", "PowerMTA drops"),
    "old cold form": ("<virtual-mta v>\nauto-cold-virtual-mta 192.0.2.1 a.example\n</virtual-mta>", "in no guide"),
    "web include": ("include https://host.example:8080/pmta/config", None),
}
NESTED = "mail-from /a/ <pattern-list>\nrcpt-to /b/ virtual-mta=v1\n* virtual-mta=v1\n</pattern-list>\n"
FINE = [
    WHOLE + VMTA + "<virtual-mta v2>\n<domain *>\ntype discard\n</domain>\n</virtual-mta>",
    WHOLE + "smtp-source-host 192.0.2.1 a.example.com\n<virtual-mta v2>\nmax-smtp-out 5\n</virtual-mta>",
    "<smtp-pattern-list a>\nreply /[A-z0-9][\\d-z][\\x5a-\\x60][a\\-Z][[:^digit:]a-c-a]/ skip-mx\n</smtp-pattern-list>",
    "<source {/var/spool/pmta/pickup}>\nadd-received-header no\n</source>",
    VMTA + f"<pattern-list p>\n{NESTED}{NESTED.replace('/a/', '/c/')}* virtual-mta=v1\n</pattern-list>",
    "domain-macro t com, co.uk\nrelay-domain x.$t\ndomain-key s, x.$t, /k",
    "domain-macro t com, co.uk\n<address-list a>\ndomain y.$t\n</address-list>",
    "domain-key {selector}, {domain}, {vault}:/v1/keys/${selector}/${domain}:dk",
    '<acct-file /a.csv>\nprivacy-policy redact "X"\n</acct-file>',
    "log-file /var/log/my\\ mail/pmta.log",
    "",
    "# only a comment\r\n\r\n",
    "domain-key a, example.com , /etc/pmta/key",
    "<domain bücher.example>\nmax-smtp-out 5 # five\n</domain>",
    "<domain [*.]example.com>   # comment\n\tsmtp-hosts [192.0.2.1]:25,[IPv6:2001:db8::1]\n</domain>",
    '<domain a.example>\nqueue-to "{sparkpost}"\nsmtp-hosts ""\n</domain>',
    "<source 0/0>\nadd-date-header true\n</source>",
    "<source ::1>\nalways-allow-relaying yes\n</source>",
    "<source {auth}>\nalways-allow-relaying yes\n</source>",
    "<source 0/0>\nalways-allow-relaying yes\nrequire-auth true\n</source>",
    "smtp-listener 10.0.0.1:25 source=in\n<source in>\nalways-allow-relaying yes\n</source>",
    "smtp-listener 0/0:25 source=in\n<source in>\nalways-allow-relaying yes\n</source>\n"
    "<source 0/0>\nrequire-auth yes\n</source>",
    "domain-key b,x.example.com,/l\ndomain-key a,example.com,/k\ndomain-key a,notexample.com,/k",
    "<bounce-category-patterns>\n/a/ some-custom_name\n// other # catch-all\n</bounce-category-patterns>",
    "<smtp-pattern-list a>\nreply /a \\x23 \\/ [^\\]\\/]{2,} (?:x|(?i)y)?+ [[:digit:]]/  skip-mx\n</smtp-pattern-list>",
    LIST.format("mode=backoff,backoff-to-normal-after=1h") + "<domain *>\nsmtp-pattern-list busy\n</domain>",
    "<acct-file /a.csv>\nrecords delivery, remote-bounce\ndelete-after never\n</acct-file>",
    "domain-macro com .com,.co.uk\ndomain-macro y yahoo$com\n<domain $y>\nmax-smtp-out 5\n</domain>",
]


@pytest.mark.parametrize(("text", "words"), ERRORS.values(), ids=ERRORS)
def test_errors(text: str, words: str) -> None:
    found = findings(text)
    assert [str(one) for one in found if one.level == "error" and words in one.message], [str(one) for one in found]


@pytest.mark.parametrize(("text", "words"), WARNINGS.values(), ids=WARNINGS)
def test_warnings(text: str, words: str | None) -> None:
    found = findings(text)
    assert [str(one) for one in found if one.level == "error"] == []
    assert words is None or [one for one in found if words in one.message], [str(one) for one in found]


@pytest.mark.parametrize("text", FINE)
def test_fine(text: str) -> None:
    assert [str(one) for one in findings(text)] == []


@pytest.mark.parametrize(
    ("text", "target", "level"),
    [
        ("<domain *>\nuse-mta-sts yes\n</domain>", "5.0", None),
        ("<domain *>\nuse-mta-sts yes\n</domain>", "5.0r4", "warning"),
        ("<domain *>\nuse-mta-sts yes\n</domain>", "5.0r1", "error"),
        ("<domain *>\nuse-dane yes\n</domain>", "4.5", "error"),
        ("<domain *>\nmax-msg-rate 5/10m\n</domain>", "4.5", "error"),
        ("<domain *>\nmax-msg-rate 5/10m\n</domain>", "5.0r1", None),
        ("<gm-imprinter>\nimprinter-id 1\n</gm-imprinter>", "4.0", "warning"),
        ("<signals>\n</signals>", "4.5", "error"),
        ("brand-new-directive yes", "5.0", "error"),
        ("brand-new-directive yes", "5.5", "warning"),
        ("<brand-new x>\nanything goes\n</brand-new>", "6.0", "warning"),
        ("include https://host.example/config", "5.0r1", "error"),
        ("http-tls-allow-sslv3 no", "5.0r1", None),
        ("http-tls-allow-sslv3 no", "5.0", "warning"),
    ],
)
def test_versions(text: str, target: str, level: str | None) -> None:
    assert [one.level for one in findings(text, target)] == ([level] if level else [])


def test_findings_keep_to_their_lines() -> None:
    found = findings("postmaster a@example.com\n\n<domain *>\n  max-smtp-out five\n</domain>\nthread-reuse perhaps")
    assert [(one.line, one.directive) for one in found] == [(4, "max-smtp-out"), (6, "thread-reuse")]
    assert str(found[0]) == 'config:4: error: max-smtp-out takes a whole number, not "five".'


def test_a_pattern_that_is_never_closed_is_no_wrapped_one() -> None:
    text = LIST.replace("/busy/ {}", "/busy skip-mx\nreply /too many/ skip-mx").format()
    assert [(one.line, one.level) for one in findings(text)] == [(2, "error")]


def test_a_wrapped_pattern_may_hold_names_of_directives() -> None:
    text = "<bounce-category-patterns>\n/(no such|\n domain not found|\n type x) y/ bad-domain\n/x/ y\n</{}>"
    found = findings(text.format("bounce-category-patterns"))
    assert [(one.line, one.level) for one in found] == [(2, "warning")]
