# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from pathlib import Path

import pytest
from mailfleet import metrics, state
from mailfleet.ledger_store import Store
from mailfleet.metrics import Family, families

NOW = 1795262400.0
SLOT = int(NOW) // 300
VIEW = {
    "pools": [{"name": "campaign", "instance": "postfix-campaign", "traffic": "marketing", "lanes": []}],
    "elsewhere": [{"domain": f"{name}.example"} for name in "abc"],
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(str(tmp_path / "ledger.db"))
    state.create(found.db)
    return found


def page(store: Store) -> dict[str, Family]:
    return {family.name: family for family in families(store.db, VIEW, NOW)}


def sent(store: Store, domain: str, result: str, number: int, slot: int = SLOT) -> None:
    row = (slot, domain, "gmail", "campaign", result, "", number)
    store.db.execute("INSERT INTO domain_slot VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def test_bounces_come_with_what_they_are_made_of(store: Store) -> None:
    sent(store, "a.example", "delivered", 98)
    sent(store, "a.example", "bounced", 2)
    sent(store, "a.example", "deferred", 50)
    sent(store, "a.example", "bounced", 1000, SLOT - 13)  # before the window
    sent(store, "", "bounced", 10)  # the MTA's own reports
    found = page(store)
    assert found["mailfleet_bounce_ratio"].samples == [(("campaign", "a.example", "1h"), 0.02)]
    assert found["mailfleet_bounce_messages"].samples == [(("campaign", "a.example", "1h"), 100)]


def test_the_number_of_series_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "DOMAINS", 2)
    for number, name in enumerate(("a.example", "b.example", "c.example", "stranger.example"), 1):
        sent(store, name, "delivered", number)
    samples = page(store)["mailfleet_bounce_messages"].samples
    assert sum(number for _labels, number in samples) == 10
    assert [labels[1] for labels, _number in samples] == ["c.example", "other"]


def test_an_empty_ledger_has_a_page(store: Store) -> None:
    found = page(store)
    assert found["mailfleet_queue_messages"].samples == [(("campaign",), 0)]
    assert found["mailfleet_lane_held"].samples == []


def test_prometheus_reads_it(store: Store, tmp_path: Path) -> None:
    client = pytest.importorskip("prometheus_client")
    from mailfleet.commands.metrics import Page

    sent(store, "a.example", "delivered", 3)
    store.close()
    registry = client.CollectorRegistry(auto_describe=False)
    registry.register(Page(VIEW, str(tmp_path / "ledger.db")))
    text = client.generate_latest(registry).decode()
    assert 'mailfleet_queue_messages{pool="campaign"} 0.0' in text
