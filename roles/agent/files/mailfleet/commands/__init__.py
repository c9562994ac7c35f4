# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The subcommands of `mailfleet`, one a module here: pause_isp.py is `mailfleet pause-isp`.

A module has HELP (one line), add_arguments(parser) and run(arguments) -> exit status. It is imported only when its
command is called, or when somebody asks for the list.
"""
