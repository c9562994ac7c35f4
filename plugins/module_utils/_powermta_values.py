# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The simple types of values in PowerMTA's configuration language. Pure.

Each check takes a value and returns what is wrong with it: None, or the level and the words after the directive's name.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, Union

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, WARNING, Problem

Check = Callable[[str], Problem]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_DOMAIN = re.compile(r"(?!-)[\w-]+(?:\.(?!-)[\w-]+)*\.?")
_MAIL = re.compile(r"[^@\s,;<>\"]+@(?:[\w.*{}$-]+|\[[^\]\s]+\])")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_URL = re.compile(r"https?://[^\s/?#@]+(?:/\S*)?(?<![,;])", re.IGNORECASE)
_MACRO = re.compile(r"\$[A-Za-z0-9_]+")
_ESCAPED_MACRO = re.compile(r"\\\$[A-Za-z0-9_]+")
_BRACES = re.compile(r"\{[^{}\s]+\}")
_QUAD = re.compile(r"\d+\.\d+\.\d+\.\d+")
RESERVED = frozenset(facts.RESERVED.split())

# Names of record types, long and short, and their short form.
RECORDS = {name: name for name in ("d", "b", "t", "tq", "r", "rb", "rs", "f")}
RECORDS.update(zip(("delivery", "bounce", "transient", "transient-queue"), ("d", "b", "t", "tq")))
RECORDS.update(zip(("receipt", "received", "remote-bounce", "remote-status"), ("r", "r", "rb", "rs")))
RECORDS.update({"feedback-loop": "f", "fbl": "f"})


def wrong(value: str, wanted: str, remedy: str = "") -> Problem:
    shown = value if len(value) <= 60 else value[:57] + "..."
    return ERROR, f'takes {wanted}, not "{shown}".{" " + remedy if remedy else ""}'


def refused(problem: Problem) -> bool:
    return problem is not None and problem[0] == ERROR


def case(value: str, check: Check, otherwise: Problem) -> Problem:
    """A value that is only right in lower case is doubtful: the guides do not say whether case counts."""
    lower = value.lower()
    if lower != value and check(lower) is None:
        return WARNING, f'has the value "{value}", and no guide says that capitals are understood. Write {lower}.'
    return otherwise


def boolean(value: str) -> Problem:
    if value in ("yes", "no", "true", "false"):
        return None
    return case(value, boolean, wrong(value, "yes or no"))


def integer(value: str) -> Problem:
    return None if value.isascii() and value.isdigit() else wrong(value, "a whole number")


def integer_or(word: str) -> Check:
    def check(value: str) -> Problem:
        if value == word or integer(value) is None:
            return None
        return case(value, check, wrong(value, f"a whole number or {word}"))

    return check


def port(value: str) -> Problem:
    if integer(value) is None and len(value) <= 5 and int(value) <= 65535:
        return None
    return wrong(value, "a port from 0 to 65535")


def network(value: str) -> Network | None:
    """An address or a network, also in the short forms 10/8 and 0/0, and in the brackets that a port asks for."""
    whole = re.fullmatch(r"\[([^\[\]]*)\]", value)
    address, slash, mask = (whole[1] if whole else value).partition("/")
    if whole or re.fullmatch(r"\[[^\[\]]*\]", address):
        address = re.sub(r"(?i)^ipv6:", "", address.strip("[]"))
    if slash and ":" not in address and re.fullmatch(r"\d+(\.\d+){0,3}", address):
        address += ".0" * (3 - address.count("."))
    try:
        return ipaddress.ip_network(address + slash + mask, strict=False)
    except ValueError:
        return None


def ip(value: str) -> Problem:
    return None if "/" not in value and network(value) is not None else wrong(value, "an IP address")


def cidr(value: str) -> Problem:
    return None if network(value) is not None else wrong(value, "an IP address or a network such as 10.0.0.0/8")


def host_name(value: str) -> Problem:
    if _DOMAIN.fullmatch(value) and len(value) <= 255:
        if _QUAD.fullmatch(value) and network(value) is None:
            return wrong(value, "a host name such as mail.example.com")
        if re.fullmatch(r"[\d.]+", value):
            return WARNING, f'has the address "{value}" for a host name. Write the name that it has in DNS.'
        return None
    return wrong(value, "a host name such as mail.example.com")


def domain_pattern(value: str) -> Problem:
    """`*`, `example.com`, `*.example.com`, `[*.]example.com`, `[10.0.0.0/8]` or a name in braces."""
    bare = value[4:] if value.startswith("[*.]") else value[2:] if value.startswith("*.") else value
    if bare is value and _BRACES.fullmatch(value) and value not in RESERVED:
        return WARNING, f"has the name {value}, which no guide knows. PowerMTA's own are {', '.join(sorted(RESERVED))}."
    if _QUAD.fullmatch(value):
        return WARNING, f'has the address "{value}" for a domain. Write [{value}] if mail goes to USER@[{value}].'
    if value == "*" or _DOMAIN.fullmatch(bare) or (bare is value and value in RESERVED):
        return None
    if value.startswith("[") and value.endswith("]") and network(value[1:-1]) is not None:
        return None
    if re.search(r"[ \t,]", value):
        return wrong(value, "exactly one domain", "Write a line or a block for each domain.")
    return wrong(value, "a domain such as example.com, *.example.com, [*.]example.com or *")


def domain_name(value: str) -> Problem:
    """A domain of its own, and no pattern for several."""
    return wrong(value, "one domain such as example.com") if value.startswith(("*", "[*.]")) else domain_pattern(value)


def domain_list(value: str) -> Problem:
    """A domain pattern that may stand for several ones by the macros in it."""
    problem = domain_pattern(_MACRO.sub("x", value))
    if problem is None or not _ESCAPED_MACRO.search(value):
        return problem
    plain = _ESCAPED_MACRO.sub(lambda match: match.group()[1:], value)
    if domain_list(plain):
        return problem
    return WARNING, f'has a backslash before the $ in "{value}", and then it names no macro. Write {plain}.'


def email(value: str) -> Problem:
    if not value or _MAIL.fullmatch(value):
        return None
    if re.fullmatch(r"[\w.+-]+", value):
        return WARNING, f'has "{value}", which is not a full address. Write NAME@DOMAIN.'
    return wrong(value, "one address such as postmaster@example.com")


def email_list(value: str) -> Problem:
    parts = items(value)
    if len(parts) > 1 and not all(parts):
        return wrong(value, "addresses with one comma between them")
    return next((problem for problem in map(email, parts) if problem), None)


def path(value: str) -> Problem:
    if re.search(r"^[,;']|[,;]$", value):
        return wrong(value, "one path", "Nothing stands round it but double quotes.")
    if not value or re.match(r"/|\\\\|[A-Za-z]:[\\/]", value):
        return None
    return WARNING, f'has the path "{value}", and what it is relative to is not documented. Write it from /.'


def header_name(value: str) -> Problem:
    return None if _HEADER.fullmatch(value) else wrong(value, "the name of a header, without a colon")


def header_list(value: str) -> Problem:
    # Patterns may stand there, too, and their commas are not told from those of the list.
    form = re.compile(r"[^ \t:]+") if "/" in value else _HEADER
    if not value or all(map(form.fullmatch, items(value))):
        return None
    return wrong(value, "names of headers with commas between them, without colons")


def name(value: str) -> Problem:
    if not value or not re.search(r"[\s,<>\"]", value):
        return None
    return wrong(value, "one name")


def name_list(value: str) -> Problem:
    if not value or all(part and name(part) is None for part in items(value)):
        return None
    return wrong(value, "names with commas between them")


def url(value: str) -> Problem:
    return None if _URL.fullmatch(value) else wrong(value, "an address such as https://host.example.com/path")


def record_types(value: str) -> Problem:
    if value and not all(part in RECORDS for part in items(value)):
        unknown = next(part for part in items(value) if part not in RECORDS)
        known = "d, b, t, tq, r, rb, rs and f"
        problem = ERROR, f'has the record type "{unknown}". Use {known}, with commas between them.'
        return case(value, record_types, problem)
    return None


def ciphers(value: str) -> Problem:
    if re.fullmatch(r"(?:[\w!+@-][\w!+:@=.,-]*)?(?<!,)", value):
        return None
    if " " in value and all(part and ciphers(part) is None for part in value.split(" ")):
        return WARNING, f"has blanks between its ciphers, and no guide shows them. Write {value.replace(' ', ':')}."
    return wrong(value, "ciphers as OpenSSL has them")


def anything(value: str) -> Problem:
    return None


def pair(first: Check, second: Check) -> Check:
    """Two words."""

    def check(value: str) -> Problem:
        parts = words(value)
        if parts is None or len(parts) != 2:
            return ERROR, f'takes two values with a blank between them, not "{value}".'
        return first(parts[0]) or second(parts[1])

    return check
