# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Every directive of the table, in each of its blocks: right it is read, and made wrong in any way it is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_table as table
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import findings
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_table import Directive

# All that a directive may name.
AROUND = """
<virtual-mta v>
smtp-source-host 192.0.2.1 a.example.com
</virtual-mta>
<virtual-mta-pool p>
virtual-mta v
</virtual-mta-pool>
<smtp-pattern-list busy>
</smtp-pattern-list>
<pattern-list chooser>
</pattern-list>
<rewrite-list bounces>
</rewrite-list>
<source named>
</source>
<source-group apps>
</source-group>
<address-list left>
</address-list>
<proxy edge>
server 192.0.2.9:5000
client 192.0.2.9 edge.example.com
</proxy>
<signals-filter some>
</signals-filter>
<mx-rollup-list>
</mx-rollup-list>
"""
# A right value for each type.
RIGHT = {
    "boolean": "yes", "integer": "1", "integer-or-unlimited": "5", "integer-or-auto": "auto", "port": "25",
    "duration": "10m", "duration-or-never": "never", "boolean-or-duration-or-never": "4h", "duration-list": "10m,20m",
    "rate": "5/h", "data-rate": "10M/h", "daily-limit-list": "5/day", "size": "50M", "size-or-unlimited": "50M",
    "ip": "192.0.2.1", "cidr": "10/8", "cidr-then-integer": "10/8 5", "cidr-then-rate": "10/8 5/h",
    "cidr-then-data-rate": "10/8 5M/h", "mx-pattern-then-integer": "a.example 5", "host-name": "h.example.com",
    "domain-name": "example.com", "domain-pattern": "a.example", "domain-pair": "a.example b.example",
    "email": "a@b.example", "email-list": "a@b.example", "email-or-regex": "a@b.example",
    "address-pair": "a@a.example b@b.example", "path": "/p", "path-then-optional-password": "/p word",
    "pickup": "/a /b", "include": "/etc/pmta/x.conf", "url": "http://h.example/", "command": "/bin/x",
    "string": "abc", "secret": "pw", "tls-cipher-list": "HIGH", "header-name": "X-A", "header-list": "X-A",
    "vmta-name": "v", "vmta-or-pool-name": "p", "default-virtual-mta": "p", "alias": "a b", "enable-signals": "true",
    "domain-key": "s,a.example,/k", "domain-macro": "m a.example", "dkim-identity": "@a.example",
    "http-access": "10/8 admin", "smtp-listener": "192.0.2.1:25", "smtp-source-host": "192.0.2.1 a.example.com",
    "smtp-proxy-source-host": "192.0.2.1 192.0.2.9:5000 192.0.2.10 a.example.com", "smtp-hosts": "mx.example.com",
    "record-type-list": "d", "delete-after": "8d", "enum-then-optional-string": "retain", "record-fields": "d *",
    "map-header-to-field": "f header_X rcpt", "queue-filter": "*/v", "reply": "/a/ skip-mx",
    "header-line": "X-A /a/ virtual-mta=v", "pattern-line": "/a/ virtual-mta=v", "mx": "b.example g.rollup",
    "signals-line": "a.example enable-signals", "proxy-client": "192.0.2.1 a.example", "proxy-server": "192.0.2.1:5000",
    "api-key": "0123456789" * 4,
}  # fmt: skip
NAMES = {
    "pattern-list": "chooser", "rewrite-list": "bounces", "smtp-pattern-list": "busy", "source": "named",
    "source-group": "apps", "suppression-lists": "left", "use-proxy": "edge",
}  # fmt: skip
ARGUMENTS = {
    "domain": "x.example", "source": "0/0", "acct-file": "/z.csv", "spool": "/z", "smtp-listener": "0/0:26",
    "transmissions-api-listener": "0/0:27",
}  # fmt: skip
# Types in which almost every text is right, so that only the line as a whole can be wrong.
FREE = ("string", "secret", "command")


def value_of(directive: Directive) -> str:
    if directive.values:
        return directive.values[0]
    if directive.range:
        return str(directive.range[0])
    return NAMES.get(directive.name) or RIGHT[directive.kind]


def inside(scope: str, line: str) -> str:
    if scope == "global":
        return f"{AROUND}{line}\n"
    argument = "" if scope in facts.BARE_BLOCKS.split() else " " + ARGUMENTS.get(scope, "z")
    block = f"<{scope}{argument}>\n{line}\n</{scope}>\n"
    return AROUND + (f"<bounce-processor>\n{block}</bounce-processor>\n" if scope == "email-patterns" else block)


def wrong_lines(directive: Directive) -> Iterator[str]:
    name, right = directive.name, value_of(directive)
    yield from (name, f"{name} # {right}", f"{name}x {right}", f"{name}={right}", f"{name}: {right}", f"{name}{right}")
    if name.replace("-", "_") != name:
        yield f"{name.replace('-', '_')} {right}"
    yield f'{name} "{right}'
    if directive.kind in facts.NEVER_EMPTY.split():
        yield f'{name} ""'
    if directive.kind in FREE:
        return
    yield from (f"{name} {right} {{", f"{name} = {right}", f"{name} ,{right}", f"{name} \u201c{right}\u201d")
    if directive.kind != "path-then-optional-password":
        yield from (f"{name} {right};", f'{name} {right}"')
    if directive.kind not in ("path-then-optional-password", "domain-macro"):
        yield f"{name} {right},"
    if directive.kind not in ("alias", "tls-cipher-list"):
        yield from (f"{name} {right} surplus", f"{name} {right} {right}")


def refused(text: str) -> bool:
    return any(found.level == "error" for found in findings(text))


@pytest.mark.parametrize("scope", table.DIRECTIVES)
def test_every_directive(scope: str) -> None:
    for directive in table.DIRECTIVES[scope].values():
        right = inside(scope, f"{directive.name} {value_of(directive)}")
        assert [str(found) for found in findings(right) if found.level == "error"] == []
        assert [line for line in wrong_lines(directive) if not refused(inside(scope, line))] == []


def test_that_is_many() -> None:
    every = [directive for names in table.DIRECTIVES.values() for directive in names.values()]
    assert sum(len(list(wrong_lines(directive))) for directive in every) >= 5000


@pytest.mark.parametrize("scope", table.DIRECTIVES)
def test_every_directive_in_every_other_block(scope: str) -> None:
    for name, directive in table.DIRECTIVES[scope].items():
        elsewhere = [other for other in table.DIRECTIVES if name not in table.DIRECTIVES[other]]
        assert [other for other in elsewhere if not refused(inside(other, f"{name} {value_of(directive)}"))] == []
