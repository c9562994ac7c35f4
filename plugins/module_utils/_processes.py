# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Work that costs, on all processors of this host. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Callable, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def everywhere(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """By processes: Debian 13's library holds the interpreter's lock while it makes a key."""
    workers = min(os.cpu_count() or 1, len(items))
    if workers < 2:
        return [work(item) for item in items]
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        return list(pool.map(work, items, chunksize=max(1, len(items) // (workers * 8))))
