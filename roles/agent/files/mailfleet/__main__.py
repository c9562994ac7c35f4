# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""python3 -m mailfleet"""

from __future__ import annotations

import sys

from mailfleet import cli

sys.exit(cli.main())
