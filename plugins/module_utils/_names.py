# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of the DNS and near misses of words. Private to the collection."""

from __future__ import annotations

import difflib
import functools
import re
import typing as t

try:
    import publicsuffixlist
except ImportError:
    publicsuffixlist = None  # type: ignore[assignment]

MAX_NAME = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
# Names that no receiver on the Internet can resolve.
_PRIVATE_SUFFIXES = frozenset(
    {"arpa", "corp", "home", "internal", "invalid", "lan", "local", "localdomain", "localhost"}
)


def ascii_name(text: str) -> str:
    """The one spelling of a DNS name: lower case, IDNA. Raises ValueError with the fault as half a sentence."""
    if not text:
        raise ValueError("is empty")
    if len(text) > 4 * MAX_NAME:
        raise ValueError(f"is longer than {MAX_NAME} characters")
    name = text
    if not text.isascii():
        try:
            name = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("cannot be written as an internationalised name (IDNA)") from None
    name = name.lower()
    if len(name) > MAX_NAME:
        raise ValueError(f"is longer than {MAX_NAME} characters")
    return name


def host_name(text: str) -> str:
    """The one spelling of a fully qualified host or mail domain name. Raises ValueError with the fault."""
    name = ascii_name(text)
    if name.endswith("."):
        raise ValueError("ends with a dot")
    labels = name.split(".")
    for label in labels:
        if not _LABEL.match(label):
            raise ValueError(_label_fault(label))
    if labels[-1].isdigit():
        raise ValueError("is an IP address or ends in a number, not a name")
    if len(labels) < 2:
        raise ValueError("is a single word, not a full name with a domain")
    return name


def _label_fault(label: str) -> str:
    if not label:
        return "has an empty part between two dots"
    if "_" in label:
        return "contains an underscore, which host names must not have"
    if len(label) > 63:
        return "has a part longer than 63 characters"
    if label.startswith("-") or label.endswith("-"):
        return "has a part that starts or ends with a hyphen"
    return "contains characters that names do not have (only letters, digits, hyphens and dots)"


def public_host_name(text: str) -> str:
    """Like host_name(), for names that strangers must be able to resolve."""
    if text.lower().rstrip(".").rpartition(".")[2] in _PRIVATE_SUFFIXES:
        raise ValueError("is a private name that no receiver can resolve")
    return host_name(text)


def selector(text: str) -> str:
    """The one spelling of a DKIM selector (RFC 6376, 3.1). Raises ValueError with the fault."""
    name = ascii_name(text)
    if not all(_LABEL.match(label) for label in name.split(".")):
        raise ValueError("is not a DKIM selector (letters, digits and hyphens, parts separated by dots)")
    return name


def is_below(name: str, parent: str) -> bool:
    return name.endswith("." + parent)


def did_you_mean(word: str, choices: t.Iterable[str]) -> str:
    """The choice that was probably meant, or an empty text."""
    found = difflib.get_close_matches(word[:80], list(choices), n=1)
    return found[0] if found else ""


def suffix_list_missing() -> bool:
    return publicsuffixlist is None


@functools.cache
def _suffixes() -> t.Any:
    return publicsuffixlist.PublicSuffixList()


@functools.lru_cache(maxsize=65536)
def registrable(name: str) -> str:
    """The registered domain that a name belongs to; an empty text for a public suffix such as co.uk."""
    return str(_suffixes().privatesuffix(name) or "")
