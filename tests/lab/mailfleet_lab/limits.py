# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Kernel limits that all machines of the lab share with this one."""

from __future__ import annotations

from pathlib import Path

from .ui import LabError, step

# Every systemd takes dozens of inotify instances, and they all count as root's; Debian's 128 are gone with the third.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 512


def lift() -> None:
    if int(INOTIFY.read_text()) >= INOTIFY_INSTANCES:
        return
    step("lab", f"raising {INOTIFY} to {INOTIFY_INSTANCES}")
    try:
        INOTIFY.write_text(str(INOTIFY_INSTANCES))
    except OSError as problem:
        raise LabError(f"{INOTIFY} cannot be written ({problem}). Raise it to {INOTIFY_INSTANCES} yourself.") from None
