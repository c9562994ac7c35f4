# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reading what postqueue lists."""

from __future__ import annotations

import pytest
from mailfleet import ledger_queue

# As Postfix 3.7 and 3.10 print it.
ACTIVE = (
    '{"queue_name": "active", "queue_id": "4jX8rk5DzVz2QJ3F", "arrival_time": 1795306902, "message_size": 2201,'
    ' "forced_expire": false, "sender": "b@bounce.example.com", "recipients": [{"address": "a@gmail.com"}]}'
)
DEFERRED = (
    '{"queue_name": "deferred", "queue_id": "4jX8rk5DpRz2QJ3B", "arrival_time": 1795306802, "message_size": 2201,'
    ' "forced_expire": false, "sender": "b@bounce.example.com", "recipients": ['
    '{"address": "a@outlook.com", "delay_reason": "lane \\"x\\" is in backoff"}, {"address": "b@gmail.com"}]}'
)
HOLD = ACTIVE.replace("active", "hold").replace("1795306902", "1795000000").replace("5DzV", "5DzW")


@pytest.mark.parametrize(
    ("lines", "messages", "recipients", "oldest"),
    [
        ([], {}, 0, None),
        (["Mail queue is empty", "", "{", "[]", '{"queue_name": "active"}'], {}, 0, None),
        ([ACTIVE], {"active": 1}, 1, 1795306902.0),
        ([ACTIVE, DEFERRED], {"active": 1, "deferred": 1}, 3, 1795306802.0),
        ([HOLD], {"hold": 1}, 1, None),
        ([HOLD, ACTIVE], {"hold": 1, "active": 1}, 2, 1795306902.0),
    ],
)
def test_a_listing(lines: list[str], messages: dict[str, int], recipients: int, oldest: float | None) -> None:
    found = ledger_queue.read(lines)
    assert (found.messages, found.recipients, found.oldest) == (messages, recipients, oldest)
    assert len(found.queue_ids) == sum(messages.values())


@pytest.mark.parametrize(("now", "age"), [(1795306912, 10.0), (1795306000, 0.0)])
def test_the_age_of_the_oldest(now: float, age: float) -> None:
    assert ledger_queue.read([ACTIVE]).age(now) == age
    assert ledger_queue.read([]).age(now) == 0.0
