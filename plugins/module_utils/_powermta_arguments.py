# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The arguments of tags. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_composite import listener
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import unquote
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, WARNING, Block, Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import domain_list, network, path, wrong

_BARE = frozenset(facts.BARE_BLOCKS.split())
# A name that can only be meant as an address.
_LIKE_ADDRESS = re.compile(r"[\d./]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:/\d+)?|\d+\.[\d.]+/.*")


def check_argument(block: Block) -> Problem:
    argument = unquote(block.argument)
    if argument is None:
        return ERROR, f'has the argument {block.argument}, whose quotes do not close. Write <{block.tag} "ARGUMENT">.'
    if '"' in argument and block.argument == argument and not argument.startswith("|"):
        return wrong(argument, "one argument", f"Write <{block.tag} ARGUMENT> or put all of it into double quotes.")
    if block.tag in _BARE:
        return (ERROR, f'takes no argument, not "{argument}". Write <{block.tag}>.') if argument else None
    if block.tag == "address-list":
        inside = block.parent is not None and block.parent.tag != "global"
        if inside or argument:
            return _name(argument) if argument else None
        return ERROR, "has no name, and at the global level it needs one. Write <address-list NAME>."
    if not argument:
        return ERROR, f"has no argument. Write <{block.tag} ARGUMENT>."
    if block.tag == "domain":
        return _domain(argument)
    if block.tag == "source":
        return _source(argument)
    if block.tag in ("smtp-listener", "transmissions-api-listener"):
        return listener(argument)
    if block.tag in ("acct-file", "spool"):
        return _file(block, argument)
    if block.argument != argument and " " in argument:
        return WARNING, f'has the name "{argument}" with blanks, and no guide shows one. Rename it.'
    return _name(argument)


def _domain(argument: str) -> Problem:
    if " " in argument or "\t" in argument or "," in argument:
        return ERROR, f'takes exactly one name, not "{argument[:60]}". Write one block for each, or use a domain-macro.'
    return domain_list(argument)


def _source(argument: str) -> Problem:
    if re.search(r"[\s,]", argument):
        return wrong(argument, "one address, network or name")
    if network(argument) is None and _LIKE_ADDRESS.fullmatch(argument):
        return wrong(argument, "an address, a network such as 10/8, or a name")
    return None


def _file(block: Block, argument: str) -> Problem:
    if argument.startswith("|"):
        unquoted = block.argument == argument and re.search(r"\s", argument)
        quoted = argument.replace('"', '\\"')
        return (WARNING, f'has a command with blanks. Write <{block.tag} "{quoted}">.') if unquoted else None
    if block.argument == argument and re.search(r"\s", argument):
        return wrong(argument, "one path", f'Write <{block.tag} "{argument}">.')
    return path(argument)


def _name(argument: str) -> Problem:
    if re.search(r"[\s,]", argument):
        return wrong(argument, "one name")
    if "/" in argument:
        return WARNING, f'has "/" in its name "{argument}", which also divides queue and virtual MTA. Rename it.'
    return None
