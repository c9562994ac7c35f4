# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.plugin_utils._remote import explained

FULL = {"failed": True, "module_stderr": "OSError: [Errno 28] No space left on device\n", "msg": "Module failure"}


@pytest.mark.parametrize(
    "result",
    [{"changed": True}, {"failed": True, "msg": "words of the module"}, {"failed": True, "module_stderr": "Traceback"}],
)
def test_other_results_stay(result: dict[str, Any]) -> None:
    assert explained(result, "mx1") == result


def test_full_disk_is_a_sentence() -> None:
    result = explained(FULL, "mx1")
    assert result["failed"] is True
    assert result["msg"].startswith("mx1: the disk is full")
    assert "Errno" not in str(result)
