# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Configurations that are right become wrong in one place, in every place and way: each must be refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_lex as lex
from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_table as table
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import findings

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures/powermta"
BASES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FIXTURES.glob("*.conf"))}

_INTERVALS = ["soon", "10 minutes", "5x", "1.5h", "-5m", "600"]
_RATES = ["fast", "0/h", "100", "100/hour", "-1/h", "1/h/m", "10 /h"]
_HOSTS = [
    "300.1.2.3 mail.example.com",
    "mail.example.com",
    "192.0.2.1",
    "mail.example.com 192.0.2.1",
    "eth0 mail.example",
]
_HOSTS += ["192.0.2.1-192.0.2.9 mail.example.com", "192.0.2.1 mail.example.com extra", "192.0.2.0/33 mail.example.com"]
# Values that a type must refuse.
WRONG = {
    "boolean": ["maybe", "1", "on", "yes no"],
    "integer": ["ten", "-1", "1.5", "unlimited", "5 6"],
    "integer-or-unlimited": ["ten", "-1", "infinite"],
    "port": ["smtp", "70000", "-1"],
    "duration": _INTERVALS,
    "duration-or-never": [*_INTERVALS, "ever"],
    "boolean-or-duration-or-never": ["maybe", "5x"],
    "duration-list": ["10m, 20m", "10m 20m", "10m,,20m", "10m,soon", ",".join(["10m"] * 31)],
    "rate": _RATES,
    "data-rate": ["fast", "100", "1G/fortnight"],
    "daily-limit-list": ["20/hour", "20", "20/day, 40/day", "20/day,"],
    "size": ["big", "10MB", "-1M", "1.5G"],
    "size-or-unlimited": ["big", "10MB", "infinite"],
    "email": ["a@b@c", "two words@example.com", "a@b.example,c@d.example"],
    "email-list": ["a@b@c", "a@b.example c@d.example"],
    "ip": ["300.1.1.1", "localhost", "192.0.2.0/24"],
    "cidr": ["localhost", "10/33"],
    "host-name": ["two words", "-bad.example", "bad..example", "http://mail.example.com/"],
    "domain-name": ["two words", "a..b"],
    "domain-pattern": ["a.example b.example", "**.example", ".example", "a..b", "*example.com/"],
    "enum": ["wrong-word", "1"],
    "enum-then-optional-string": ["wrong-word", "retain extra"],
    "record-type-list": ["all", "d b", "d,x", "p"],
    "path": ["/var/log/pmta log", '"/var/log/pmta'],
    "url": ["host.example", "ftp://host.example/", "https://"],
    "api-key": ["short", "not-a-key!"],
    "smtp-source-host": _HOSTS,
    "smtp-listener": [
        "192.0.2.1",
        "localhost:25",
        "192.0.2.1:99999",
        "192.0.2.1:0",
        ":25",
        "192.0.2.1:25 extra",
        "192.0.2.1:25 { }",
    ],
    "domain-key": ["mf1,example.com", "mf1,example.com,*,/etc/pmta/key", "mf1 example.com /etc/pmta/key", "mf1,,/key"],
    "domain-macro": ["two-words a.example", "onlyname", "name a.example,,b.example", "name a..b"],
    "http-access": ["admin", "localhost admin", "10/8 root", "10/8", "#YOUR_IP admin"],
    "mx": ["*.example", "*.example queue", "*.example queue.rolup", "*.example a.rollup by-ip", "mx.* a.rollup"],
    "reply": [
        *["mode=backoff", "/no action/", "/not closed mode=backoff", "/a/b/ mode=backoff", "/a #5/ mode=backoff"],
        *["/(a/ skip-mx", "/a)/ skip-mx", "/[a/ skip-mx", "/*a/ skip-mx", "/a**/ skip-mx", "/a{3,1}/ skip-mx"],
        *["/[z-a]/ skip-mx", "/x[a-Z]+/ skip-mx", "/[[:digits:]]/ skip-mx"],
        *["/a/ mode=slow", "/a/ backoff", "/a/ mode=backoff,mode=normal", "/a/ skip-mx,bounce-queue", "/a/ skip-mx,"],
        *["/a/ reenable-after=1h", "/a/ disable-source-ip,reenable-after=1h,reenable-after=2h", "/a/ bounce"],
        *["/a/ backoff-to-normal-after=1h,mode=backoff", "/a/ mode=backoff,backoff-to-normal-after=soon"],
        *["/a/ mode=backoff,backoff-to-normal-after=1h,backoff-to-normal-after=2h", '"/a/" skip-mx'],
    ],
    "category-line": ["/no category/", "/not closed category", "/(a/ category", "/a/ two words", "/a/b/ category"],
    "pattern-line": ["/a/", "/a/ pool=x", "a virtual-mta=vmta1", "/a virtual-mta=vmta1", "/(/ virtual-mta=vmta1"],
    "header-line": ["X-Job /a/", "/a/ virtual-mta=vmta1", "X-Job a virtual-mta=vmta1", "X-Job: /a/ virtual-mta=vmta1"],
    "record-fields": ["*", "all *", "d", "d a b", "d ,"],
    "map-header-to-field": ["f X-Id rcpt", "tq header_X-Id jobId", "header_X-Id jobId", "f header_X-Id"],
    "delete-after": ["soon", "8x"],
    "smtp-hosts": ["mx1.example mx2.example", "[300.1.1.1]", "mx.example:99999", "mx..example", "lookup-mx:"],
    "cidr-then-rate": ["0/0", "10/h", "0/0 fast", "0/0 0/h"],
    "cidr-then-integer": ["10/8", "10/8 many", "localhost 5"],
    "mx-pattern-then-integer": ["mx.example", "5", "mx.example many"],
    "pickup": ["/one/directory", "/one /two /three"],
    "proxy-server": ["192.0.2.1", "192.0.2.1:port"],
    "proxy-client": ["192.0.2.1", "host.example"],
    "signals-line": ["example.com", "example.com yes"],
    "vmta-name": ["nowhere-1", "two words", "a,b"],
    "vmta-or-pool-name": ["nowhere-1", "two words"],
    "default-virtual-mta": ["nowhere-1", "two words"],
    "name": ["nowhere-1", "two words"],
    "name-list": ["nowhere-1", "one two"],
}
# Blocks that others name, in both configurations.
NAMED = (
    "virtual-mta",
    "virtual-mta-pool",
    "smtp-pattern-list",
    "pattern-list",
    "rewrite-list",
    "source-group",
    "proxy",
)
MISPLACED = ["max-msg-rate 5/h", "always-allow-relaying-x yes", "smtp-source-host 192.0.2.1 a.example", "records d"]
INVENTED = ["routing-file /x", "listen-on-tcp 25", "process-x-sender yes", "retry-upon-5xx yes", "max-smtp-out=20"]
INVENTED += [
    "smtp-listener 0/0:25 {",
    "virtual-mta-pool pool9 {",
    "}",
    "retry-afer 10m",
    "include http://host.example/x?y=1",
]


def lines_of(text: str) -> Iterator[tuple[int, lex.Line, str]]:
    """Each line that says something: its place, what it says, and the scope that it stands in."""
    scopes = ["global"]
    for place, raw in enumerate(text.split("\n")):
        line = lex.read_line(raw)
        if line and line.kind == lex.CLOSE:
            scopes.pop()
        if line:
            yield place, line, scopes[-1]
        if line and line.kind == lex.OPEN:
            scopes.append(line.name)


def mutations(text: str) -> Iterator[tuple[str, str]]:
    """What was done, and the text with it."""
    lines = text.split("\n")

    def put(place: int, *new: str) -> str:
        return "\n".join([*lines[:place], *new, *lines[place + 1 :]])

    for place, line, scope in lines_of(text):
        if line.kind == lex.SETTING:
            yield f"{place}: no value", put(place, line.name)
            yield f"{place}: value in a comment", put(place, f"{line.name} #{line.value}")
            yield f"{place}: misspelt", put(place, f"{line.name}x {line.value}")
            yield f"{place}: other letters", put(place, f"{line.name[:-2]}q{line.name[-1]} {line.value}")
            yield f"{place}: with an equals sign", put(place, f"{line.name}={line.value}")
            kind = "pattern-line" if line.name == "*" else table.DIRECTIVES[scope][line.name].kind
            for value in WRONG.get(kind, []) if line.name != "*" else []:
                yield f"{place}: {line.name} {value}", put(place, f"{line.name} {value}")
        elif line.kind == lex.REGEX:
            for value in WRONG["category-line"]:
                yield f"{place}: {value}", put(place, value)
        elif line.kind == lex.OPEN:
            argument = line.value
            yield f"{place}: no opening tag", put(place)
            yield f"{place}: braces", put(place, f"{line.name} {argument} {{")
            yield f"{place}: tag without end", put(place, f"<{line.name} {argument}")
            yield f"{place}: text behind a tag", put(place, f"{line.text} max-smtp-out 5")
            yield f"{place}: misspelt tag", put(place, f"<{line.name}x {argument}>")
            yield f"{place}: in itself", put(place, line.text, line.text, f"</{line.name}>")
            yield f"{place}: closed by itself", put(place, f"<{line.name}/>")
            yield f"{place}: in square brackets", put(place, f"[{line.name} {argument}]")
            yield f"{place}: with an equals sign", put(place, f"<{line.name}={argument}>")
            if line.name in NAMED:
                yield f"{place}: renamed, and still named", put(place, f"<{line.name} {argument}z>")
            for other in facts.BLOCKS:
                if line.name not in facts.BLOCKS[other].split():
                    bare = other in facts.BARE_BLOCKS.split()
                    yield (
                        f"{place}: holds {other}",
                        put(place, line.text, f"<{other}{'' if bare else ' /z'}>", f"</{other}>"),
                    )
            if line.name not in facts.BARE_BLOCKS.split() and line.name != "address-list":
                yield f"{place}: tag without argument", put(place, f"<{line.name}>")
                if "|" not in argument:
                    yield f"{place}: two names", put(place, f"<{line.name} {argument} second>")
            yield from ((f"{place}: {text}", put(place, line.text, text)) for text in (*INVENTED, *MISPLACED[1:2]))
        elif line.kind == lex.CLOSE:
            yield f"{place}: no closing tag", put(place)
            for other in (*facts.BLOCKS, f"{line.name}s", f" {line.name}"):
                if other != line.name:
                    yield f"{place}: closed as {other}", put(place, f"</{other}>")
            yield f"{place}: closed twice", put(place, line.text, line.text)
            yield f"{place}: closed with another name", put(place, f"</{line.name} other-name>")


@pytest.mark.parametrize("name", BASES)
def test_the_bases_are_clean(name: str) -> None:
    assert [str(found) for found in findings(BASES[name])] == []


@pytest.mark.parametrize("name", BASES)
def test_every_mutation_is_refused(name: str) -> None:
    made = list(mutations(BASES[name]))
    accepted = [what for what, text in made if not any(found.level == "error" for found in findings(text))]
    assert accepted == []
    assert len(made) >= 500


@pytest.mark.parametrize("name", BASES)
def test_a_file_cut_anywhere_is_read(name: str) -> None:
    text = BASES[name]
    for end in range(0, len(text), 41):
        findings(text[:end])


def test_sentences_name_the_directive_and_end() -> None:
    for _what, text in mutations(BASES["server"]):
        for found in findings(text):
            assert found.line > 0
            assert re.search(r"[.?]$", found.message), found
