# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Moves the mail of a mailbox to one of two folders before parsedmarc reads them: signed by its sender, or not.

The mail that carries a report must pass DMARC itself (RFC 9990 section 3.5.2, before it RFC 7489 section 7.2.1.1). Here
that is a valid DKIM signature over the whole body, by the organisational domain of its one From address. Mail whose key
cannot be had now stays where it is. Runs in the environment of parsedmarc, whose mailboxes it uses:
sort_reports.py PARSEDMARC.INI SETTINGS.JSON LOG
"""

from __future__ import annotations

import configparser
import email
import email.policy
import json
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

import dkim
import dkim.util
import dns.exception
import dns.resolver
from parsedmarc.mail import IMAPConnection, MailboxConnection, MaildirConnection
from publicsuffixlist import PublicSuffixList

ARCHIVE, SIGNED, UNSIGNED = "Archive", "Archive/Signed", "Archive/Unsigned"
MOST_SIGNATURES = 10
SMALLEST_KEY = 1024  # RFC 8301
_FORM = "%(asctime)s - %(levelname)s - [%(filename)s:%(lineno)d] - %(message)s"  # as parsedmarc's own

Keys = Callable[..., "bytes | None"]
log = logging.getLogger("sorter")
_suffixes = PublicSuffixList()


class LaterError(Exception):
    """The DNS does not answer now, which says nothing about the mail."""


def keys_of(resolver: dns.resolver.Resolver) -> Keys:
    def key(name: bytes, timeout: float = 5) -> bytes | None:
        try:
            answer = resolver.resolve(name.decode("ascii"), "TXT", lifetime=2 * timeout)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except (dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration, dns.exception.Timeout) as error:
            raise LaterError(str(error)) from None
        except (dns.exception.DNSException, UnicodeError):
            return None
        return b"".join(answer[0].strings)

    return key


def author(raw: bytes) -> str:
    """The one address in the one From field; empty where there are more or less."""
    fields = email.message_from_bytes(raw, policy=email.policy.default).get_all("from") or []
    addresses = [address for field in fields for address in field.addresses]
    one = len(fields) == 1 and len(addresses) == 1
    return addresses[0].addr_spec.lower() if one else ""


def is_signed(raw: bytes, keys: Keys, accepted: Iterable[str] = ()) -> bool:
    """Raises LaterError. `accepted` are the addresses and domains whose mail counts; without any, everybody's does."""
    try:
        sender = author(raw)
        domain = sender.rpartition("@")[2]
        if not domain or not _accepts(accepted, sender):
            return False
        message = dkim.DKIM(raw, minkey=SMALLEST_KEY)
        fields = [value for name, value in message.headers if name.lower() == b"dkim-signature"][:MOST_SIGNATURES]
        return any(_of(domain, field) and _valid(message, number, keys) for number, field in enumerate(fields))
    except LaterError:
        raise
    except Exception:  # mail comes from anybody, and what cannot be read proves nothing
        return False


def _accepts(accepted: Iterable[str], sender: str) -> bool:
    names = list(accepted)
    domain = sender.rpartition("@")[2]
    return not names or any(name == sender if "@" in name else f".{domain}".endswith(f".{name}") for name in names)


def _of(domain: str, field: bytes) -> bool:
    """A signature of the domain's organisation; l= would let anybody add a report to its mail."""
    tags = dkim.util.parse_tag_value(field)
    organisation = _suffixes.privatesuffix(domain)
    signer = _suffixes.privatesuffix(tags[b"d"].decode("ascii").lower())
    return b"l" not in tags and organisation is not None and signer == organisation


def _valid(message: dkim.DKIM, number: int, keys: Keys) -> bool:
    try:
        return bool(message.verify(number, dnsfunc=keys))
    except dkim.DKIMException:
        return False


def sort(mailbox: MailboxConnection, folder: str, keys: Keys, accepted: Iterable[str] = ()) -> int:
    """How many messages have to stay."""
    for name in (ARCHIVE, SIGNED, UNSIGNED):
        mailbox.create_folder(name)
    left = 0
    for message in mailbox.fetch_messages(folder):
        try:
            signed = is_signed(str(mailbox.fetch_message(message)).encode(), keys, accepted)
        except LaterError as error:
            left += 1
            log.debug("%s", error)
            continue
        mailbox.move_message(message, SIGNED if signed else UNSIGNED)
    return left


def open_mailbox(config: configparser.ConfigParser) -> MailboxConnection:
    if config.has_section("maildir"):
        return MaildirConnection(config["maildir"]["maildir_path"])
    imap = config["imap"]
    return IMAPConnection(imap["host"], imap["user"], imap["password"], port=imap.getint("port"))


def main(arguments: list[str]) -> int:
    ini, settings_file, log_file = arguments
    logging.basicConfig(filename=log_file, format=_FORM, level=logging.WARNING)
    config = configparser.ConfigParser(interpolation=None)
    config.read(ini)
    with open(settings_file, encoding="utf-8") as handle:
        settings: dict[str, Any] = json.load(handle)
    resolver = dns.resolver.Resolver(configure=not settings["resolver"])
    if settings["resolver"]:
        resolver.nameservers, resolver.port = [settings["resolver"]], settings["port"]
    try:
        mailbox = open_mailbox(config)
    except Exception:  # the words that parsedmarc would write
        log.exception("IMAP Error")
        return 1
    try:
        folder = config.get("mailbox", "reports_folder", fallback="INBOX")
        left = sort(mailbox, folder, keys_of(resolver), settings["from"])
    except Exception:
        log.exception("Mailbox Error")
        return 1
    if left:
        log.warning("%d messages stay in %s, because the DNS did not answer for their DKIM keys", left, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
