# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Sphinx settings of the documentation site; tests/tools/docs puts the pages beside a copy of this file."""

project = "mailfleet.mta"
copyright = "mailfleet contributors"
extensions = ["sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_theme_options = {"documentation_home_url": "index.html", "vcs_pageview_mode": "edit"}
html_title = "mailfleet.mta"
root_doc = "index"
# Links to ansible's own pages need its inventory from the web; without it they stay plain text.
default_role = "any"
nitpicky = False
suppress_warnings = ["ref.ref"]
