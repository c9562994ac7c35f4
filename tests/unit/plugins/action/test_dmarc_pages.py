# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The pages, held against goldens, and what hostile reports make of them.

After a wanted change, write the goldens anew with UPDATE_GOLDENS=1 and read the difference.
"""

from __future__ import annotations

import datetime
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.action.dmarc_pages import pages
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_pages import views
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_write import write_pages

CHECKOUT = Path(__file__).resolve().parents[4]
TEMPLATES = CHECKOUT / "roles/dmarc_reports/templates/pages"
GOLDENS = CHECKOUT / "tests/unit/fixtures/dmarc/pages"
DAYS = [[(datetime.date(2026, 11, 15) + datetime.timedelta(days=n)).isoformat(), 500, 3, 8, 2, 40] for n in range(3)]
ROWS: list[dict[str, Any]] = [
    {
        "domain": "example.com",
        "move": "hold",
        "stage": "p=quarantine; t=y",
        "next": "",
        "since": "2026-11-10",
        "not_before": "2026-11-24",
        "reasons": ["p=quarantine; t=y was reached on 2026-11-10 and stays for 14 days"],
        "decided_by": "p=quarantine; t=y was reached on 2026-11-10 and stays for 14 days",
    },
    {
        "domain": "silent.example",
        "move": "hold",
        "stage": "p=none",
        "next": "",
        "since": "2026-10-01",
        "not_before": "2026-10-29",
        "reasons": ["no report since 2026-10-01 tells of its mail"],
        "decided_by": "no report since 2026-10-01 tells of its mail",
    },
    {
        "domain": "broken.example",
        "move": "back",
        "stage": "p=reject",
        "next": "p=quarantine",
        "since": "2026-09-01",
        "not_before": "2026-12-13",
        "reasons": ["only 90.00 % of 700 own messages passed in the last 7 days, less than 98 %"],
        "decided_by": "only 90.00 % of 700 own messages passed in the last 7 days, less than 98 %",
    },
]


def source(address: str, kind: str, messages: int, dkim: str, spf: str, name: str = "") -> dict[str, Any]:
    seen = {"from": "example.com", "dkim": dkim, "spf": spf}
    return {"source": address, "kind": kind, "messages": messages, "name": name, **seen}


EVIDENCE: dict[str, Any] = {
    "example.com": {
        "days": DAYS,
        "sources": [
            source("203.0.113.9", "foreign", 120, "", "fail example.com", "mail.stranger.example"),
            source("198.51.100.80", "unknown", 24, "pass esp.example k1", "pass bounce.esp.example", "out.esp.example"),
            source("192.0.2.20", "own", 9, "fail example.com mf1", "softfail bounce.example.com", "mta20.example.com"),
            source("2001:db8::7", "forwarded", 6, "fail example.com mf1", "pass list.example"),
        ],
        "more_sources": 4,
        "unsigned": [["google.com", 3, 1200], ["<b>Somebody</b>", 1, 5]],
    },
    "broken.example": {"days": [["2026-11-17", 630, 70, 0, 0, 0]], "sources": [], "more_sources": 0},
}
PROBLEMS = ["Failed to parse drop/bomb.xml.gz - Decompressed report exceeds the 104857600 byte limit"]


def made() -> dict[str, str]:
    return pages(str(TEMPLATES), views(ROWS, EVIDENCE), PROBLEMS, "2026-11-18")


@pytest.mark.parametrize("name", ["index.html", "example.com.html", "silent.example.html", "broken.example.html"])
def test_page(name: str) -> None:
    page, golden = made()[name], GOLDENS / name
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8")


def test_what_needs_an_eye_comes_first() -> None:
    assert [view["domain"] for view in views(ROWS, EVIDENCE)] == ["broken.example", "example.com", "silent.example"]


class Tags(HTMLParser):
    """The tags of a page, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


EVIL = "</td></table><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def test_what_strangers_write_stays_text_and_nothing_is_fetched() -> None:
    domain = {**ROWS[0], "reasons": [EVIL], "decided_by": EVIL}
    evil = {"example.com": {**EVIDENCE["example.com"], "sources": [source(EVIL, "unknown", 1, EVIL, EVIL, EVIL)]}}
    tree = pages(str(TEMPLATES), views([domain], evil), [EVIL], EVIL)
    for page in tree.values():
        tags = Tags()
        tags.feed(page)
        assert tags.open == []
        assert not tags.seen & {"script", "img", "link", "iframe"}
        assert "http" not in page.replace("http-equiv", "")
        assert "default-src 'none'" in page


def test_only_what_differs_is_written_and_what_is_gone_goes(tmp_path: Path) -> None:
    place, first = tmp_path / "pages", {"a.html": "1", "b.html": "2"}
    assert write_pages(str(place), first, check=True) == {"changed_pages": ["a.html", "b.html"], "removed_pages": []}
    assert not place.exists()
    write_pages(str(place), first, check=False)
    second = {"a.html": "1", "c.html": "3"}
    expected = {"changed_pages": ["c.html"], "removed_pages": ["b.html"]}
    assert write_pages(str(place), second, check=True) == expected
    assert write_pages(str(place), second, check=False) == expected
    assert {path.name: path.read_text() for path in place.iterdir()} == second
    assert write_pages(str(place), second, check=False) == {"changed_pages": [], "removed_pages": []}
