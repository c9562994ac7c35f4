# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Settings of all unit tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine must not fail a test, and nothing is left in the checkout.
settings.register_profile("mailfleet", deadline=None, database=None)
settings.load_profile("mailfleet")
