# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The configuration of rspamd, and its rule run against a stand-in of rspamd's API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.action.generation import read_sources
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import render_tree

TREE = Path(__file__).parents[3] / "roles" / "dkim" / "templates" / "tree"
SIGNING = [
    {"domain": "example.com", "pool": "campaign", "selector": "mf1"},
    {"domain": "tx.example.com", "pool": "trans", "selector": "mf1"},
    {"domain": "tx.example.com", "pool": "trans", "selector": "mf2"},
]
VIEW = {
    "elsewhere": [
        {"domain": "example.com", "pool": "campaign", "endpoints": ["192.0.2.1:2588"], "return_path": "b.example.com"},
        {"domain": "late.example", "pool": "trans", "endpoints": ["192.0.2.1:2587"], "return_path": "b.late.example"},
        {"domain": "out.example", "pool": "outreach", "endpoints": ["192.0.2.9:2589", "192.0.2.8:2589"]},
        {"domain": "tx.example.com", "pool": "trans", "endpoints": ["192.0.2.1:2587"]},
    ],
}
# What Postfix takes is still what it was before this generation: tx.example.com came from the pool transit.
POSTFIX = {
    "/etc/mailfleet/postfix/live/postfix-transit/senders": "# Managed\ntx.example.com permit\nb.tx.example.com permit\n"
    "example.com 553 5.7.1 example.com is sent by pool campaign: submit to 192.0.2.1:2588\n"
}
FILES = render_tree(read_sources(str(TREE)), {"view": VIEW, "signing": SIGNING, "workers": 3}, {})


def lines(name: str) -> list[str]:
    return [line for line in FILES[name].splitlines() if not line.startswith("#")]


def test_files() -> None:
    assert sorted(FILES) == [
        "bin/verify", "no_suffixes.list", "pools.map", "rspamd.conf", "signing.lua", "signing.map", "units/rspamd.conf",
    ]  # fmt: skip


def test_maps() -> None:
    assert lines("signing.map") == ["example.com campaign mf1", "tx.example.com trans mf1", "tx.example.com trans mf2"]
    assert lines("pools.map") == [
        "example.com campaign 192.0.2.1:2588",
        "late.example trans 192.0.2.1:2587",
        "out.example outreach 192.0.2.9:2589, 192.0.2.8:2589",
        "tx.example.com trans 192.0.2.1:2587",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "count = 3;",
        # What holds mail back when the rule does not run: the score of a message without a signature is 0.
        "soft_reject = -1;",
        "weight = -10;",
    ],
)
def test_settings(line: str) -> None:
    assert line in [text.strip() for text in FILES["rspamd.conf"].splitlines()]


def test_only_the_milter_listens() -> None:
    configuration = FILES["rspamd.conf"]
    assert configuration.count("\nworker ") == 1
    assert configuration.count("bind_socket") == 1
    assert "redis" not in "".join(lines("rspamd.conf"))


class Rspamd:
    """As much of rspamd as the rule uses."""

    def __init__(self, pool: str, from_fields: list[str], keys: set[str], sender: str = "") -> None:
        lupa = pytest.importorskip("lupa.lua51")
        self._lua = lupa.LuaRuntime(unpack_returned_tuples=True)
        self.signed: list[str] = []
        self.keys = keys
        g = self._lua.globals()
        g.python = self._lua.table_from({
            "open": self._open, "sign": self._sign, "pool": pool, "count": len(from_fields), "sender": sender,
            "domains": self._lua.table_from([field.rpartition("@")[2] for field in from_fields]),
        })  # fmt: skip
        self._lua.execute(_STAND_IN)
        self._lua.execute(FILES["signing.lua"])

    def _open(self, path: str) -> Any:
        return {**FILES, **POSTFIX}.get(path.removeprefix("/etc/mailfleet/dkim/live/"))

    def _sign(self, domain: str, selector: str, key: str, headers: str) -> bool:
        assert key == f"/var/lib/mailfleet/dkim/{domain}/{selector}.private"
        assert {"(o)from", "(o)list-unsubscribe", "(o)list-unsubscribe-post"} <= set(headers.split(":"))
        if f"{domain}/{selector}" in self.keys:
            self.signed.append(f"{domain}/{selector}")
        return f"{domain}/{selector}" in self.keys

    def answer(self) -> tuple[str, str]:
        self._lua.execute("rule.callback(task)")
        g = self._lua.globals()
        return ("signed", "") if g.signed else (g.action or "", g.message or "")


_STAND_IN = """
io = {open = function(path)
  local text = python.open(path)
  return text and {read = function() return text end, close = function() end} or nil
end}
rspamd_config = {register_symbol = function(_, options) rule = options end}
rspamd_plugins = {dkim = {sign = function(_, o) return python.sign(o.domain, o.selector, o.key, o.headers) end}}
task = {
  get_from = function(_, kind)
    local found = {}
    if kind == 'smtp' then
      return {{domain = python.sender}}
    end
    for i = 1, python.count do found[i] = {domain = python.domains[i]} end
    return found
  end,
  get_header_count = function() return python.count end,
  get_request_header = function(_, name) return name == 'MTA-Name' and python.pool or nil end,
  insert_result = function(_, name) signed = name end,
  set_pre_result = function(_, what, why) action, message = what, why end,
}
"""

ALL = {"example.com/mf1", "tx.example.com/mf1", "tx.example.com/mf2"}


@pytest.mark.parametrize(
    ("pool", "from_fields", "keys", "signed"),
    [
        ("campaign", ["news@example.com"], ALL, ["example.com/mf1"]),
        ("campaign", ["news@EXAMPLE.com"], ALL, ["example.com/mf1"]),
        ("trans", ["a@tx.example.com"], ALL, ["tx.example.com/mf1", "tx.example.com/mf2"]),
        ("transit", ["a@tx.example.com"], ALL, ["tx.example.com/mf1", "tx.example.com/mf2"]),
    ],
)
def test_signed(pool: str, from_fields: list[str], keys: set[str], signed: list[str]) -> None:
    rspamd = Rspamd(pool, from_fields, keys)
    assert rspamd.answer() == ("signed", "")
    assert rspamd.signed == signed


@pytest.mark.parametrize(
    ("pool", "from_fields", "keys", "action", "words"),
    [
        ("campaign", [], ALL, "reject", "exactly one From header"),
        ("campaign", ["a@example.com", "b@example.com"], ALL, "reject", "exactly one From header"),
        ("campaign", ["a@exämple.com"], ALL, "reject", "exactly one From header"),
        ("campaign", ["a@sub.example.com"], ALL, "reject", "sub.example.com is not a domain of this fleet"),
        ("campaign", ["a@com"], ALL, "reject", "com is not a domain of this fleet"),
        ("campaign", ["a@examplescom"], ALL, "reject", "examplescom is not a domain of this fleet"),
        ("campaign", ["a@.*"], ALL, "reject", "exactly one From header"),
        ("trans", ["a@example.com"], ALL, "reject", "belongs to pool campaign; submit it at 192.0.2.1:2588"),
        ("trans", ["a@out.example"], ALL, "reject", "pool outreach; submit it at 192.0.2.9:2589, 192.0.2.8:2589"),
        ("", ["a@example.com"], ALL, "reject", "example.com belongs to pool campaign"),
        ("transit", ["a@example.com"], ALL, "reject", "example.com belongs to pool campaign"),
        ("../transit", ["a@tx.example.com"], ALL, "reject", "tx.example.com belongs to pool trans"),
        # held back
        ("campaign", ["a@example.com"], set(), "soft reject", "cannot sign for example.com with selector mf1"),
        ("trans", ["a@tx.example.com"], {"tx.example.com/mf1"}, "soft reject", "selector mf2"),
        ("trans", ["a@late.example"], ALL, "soft reject", "no key of late.example is set up"),
    ],
)  # fmt: skip
def test_refused(pool: str, from_fields: list[str], keys: set[str], action: str, words: str) -> None:
    answer = Rspamd(pool, from_fields, keys).answer()
    assert answer[0] == action
    assert words in answer[1]


@pytest.mark.parametrize(
    ("sender", "action"),
    [
        ("example.com", "soft reject"),
        ("Bounce.Example.com", "soft reject"),
        ("tx.example.com", "reject"),
        ("bounce.tx.example.com", "reject"),
        ("tx.example.org", "reject"),
        ("notexample.com", "reject"),
        ("", "reject"),
    ],
)
def test_a_sender_that_postfix_took_is_of_a_domain_that_moves(sender: str, action: str) -> None:
    answer = Rspamd("trans", ["a@example.com"], ALL, sender).answer()
    assert answer[0] == action
    assert "pool campaign" in answer[1]
    assert "192.0.2.1:2588" in answer[1]
