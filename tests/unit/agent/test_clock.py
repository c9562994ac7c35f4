# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import pytest
from mailfleet.clock import Watch


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(1000, 5)], [0]),
        ([(1000, 5), (1001, 6), (1300, 305)], [0, 0, 0]),
        ([(1000, 5), (4601, 6), (4602, 7)], [0, 3600, 0]),
        ([(5000, 5), (1401, 6), (1402, 7)], [0, -3600, 0]),
        ([(1000, 5), (1002.5, 6), (1004, 7.5)], [0, 0, 0]),  # a pause between reading the two
        ([(1000 + 1.5 * look, look) for look in range(9)], [0] * 9),  # slewed, fast as never
        ([(1000, 5), (4610, 15), (1020, 25)], [0, 3600, -3600]),
    ],
)
def test_only_a_clock_that_was_set_counts(looks: list[tuple[float, float]], expected: list[float]) -> None:
    watch = Watch()
    assert [watch.set_by(*look) for look in looks] == expected
