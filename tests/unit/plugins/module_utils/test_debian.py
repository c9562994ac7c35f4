# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import itertools

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._debian import compare, step

# From old to new; those of a line are the same version.
ORDER = [
    ["5.0~beta1"],
    ["5.0", "5.00", "5.0-0", "0:5.0"],
    ["5.0-1"],
    ["5.0a"],
    ["5.0r8"],
    ["5.0r8-1"],
    ["5.0r9~"],
    ["5.0r9-0~beta1"],
    ["5.0r9", "5.0r9-0"],
    ["5.0r9-0a"],
    ["5.0r9-0.0~"],
    ["5.0r9-0.0"],
    ["5.0r9a", "5.0r9a0"],
    ["5.0r9.0~beta1"],
    ["5.0r9.", "5.0r9.0"],
    ["5.0r9.0.0"],
    ["5.0r10"],
    ["5.0+deb1"],
    ["5.0.7-12"],
    ["5.0.8-1~rc1"],
    ["5.0.8-1"],
    ["5.0.8-1a"],
    ["5.0.10-1"],
    ["5.5-1"],
    ["1:4.5r6"],
]  # fmt: skip


def test_versions_have_the_order_of_dpkg() -> None:
    for (place, line), (other_place, other) in itertools.product(enumerate(ORDER), repeat=2):
        for one, two in itertools.product(line, other):
            wanted = (place > other_place) - (place < other_place)
            assert compare(one, two) == wanted, f"{one} {two}"


@pytest.mark.parametrize(
    ("wanted", "installed", "expected"),
    [
        ("5.0r8", "", "install"),
        ("", "", "install"),
        ("", "5.0r8", "keep"),
        ("5.0r8", "5.0r8", "keep"),
        ("5.0r9", "5.0r8", "upgrade"),
        ("5.0r8", "5.0r9", "downgrade"),
    ],
)
def test_step(wanted: str, installed: str, expected: str) -> None:
    assert step(wanted, installed) == expected
