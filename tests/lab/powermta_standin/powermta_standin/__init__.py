# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A stand-in for PowerMTA in the lab. It is not PowerMTA; see the README beside it."""

VERSION = "5.0r8"
