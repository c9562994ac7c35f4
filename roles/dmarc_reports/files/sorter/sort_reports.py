# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Moves the mail of a mailbox to one of two folders before parsedmarc reads them: signed by its sender, or not.

The mail that carries a report must pass DMARC itself (RFC 9990, before it RFC 7489 section 7.2.1.1). Here
that is a valid DKIM signature over the whole body, by the organisational domain of its one From address. Mail whose key
cannot be had now stays where it is, for some days. Runs in the environment of parsedmarc, whose mailboxes it uses:
sort_reports.py PARSEDMARC.INI SETTINGS.JSON LOG
"""

from __future__ import annotations

import configparser
import email
import email.errors
import email.policy
import imaplib
import json
import logging
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, NamedTuple

import dkim
import dkim.util
import dns.exception
import dns.resolver
from mailsuite.imap import MaxRetriesExceeded
from parsedmarc.mail import IMAPConnection, MailboxConnection, MaildirConnection
from publicsuffixlist import PublicSuffixList

ARCHIVE, SIGNED, UNSIGNED = "Archive", "Archive/Signed", "Archive/Unsigned"
MOST_SIGNATURES = 10
SMALLEST_KEY = 1024  # RFC 8301
MOST_SECONDS = 300  # of one run, so that the unit has time to read what is sorted
LONGEST_WAIT = 5 * 86400  # for a key
SILENT = "the DNS did not answer for their DKIM keys"
SLOW = f"one run sorts for {MOST_SECONDS // 60} minutes"
BROKEN = "the connection to the mailbox broke"
_FORM = "%(asctime)s - %(levelname)s - [%(filename)s:%(lineno)d] - %(message)s"  # as parsedmarc's own

Keys = Callable[..., "bytes | None"]
_LOST = (TimeoutError, ConnectionError, ssl.SSLError, imaplib.IMAP4.abort, MaxRetriesExceeded)
log = logging.getLogger("sorter")
_suffixes = PublicSuffixList()


class LaterError(Exception):
    """The DNS does not answer now, which says nothing about the mail."""


class Mail(NamedTuple):
    raw: bytes
    arrived: float


def keys_of(resolver: dns.resolver.Resolver, remaining: Callable[[], float]) -> Keys:
    """Each name is asked for once. The less time remains, the shorter the wait: silence does not use up all of it."""
    known: dict[bytes, bytes | LaterError | None] = {}

    def key(name: bytes, timeout: float = 5) -> bytes | None:
        if name not in known:
            try:
                known[name] = asked(name, min(2 * timeout, max(1, remaining() / 60)))
            except LaterError as error:
                known[name] = error
        found = known[name]
        if isinstance(found, LaterError):
            raise found
        return found

    def asked(name: bytes, patience: float) -> bytes | None:
        try:
            answer = resolver.resolve(name.decode("ascii"), "TXT", lifetime=patience)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except (dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration, dns.exception.Timeout) as error:
            raise LaterError(str(error)) from None
        except (dns.exception.DNSException, UnicodeError):
            return None
        return b"".join(answer[0].strings)

    return key


def author(raw: bytes) -> str:
    """The one address in the one From field; empty where there are more or less, or where readers may differ."""
    fields = email.message_from_bytes(raw, policy=email.policy.default).get_all("from") or []
    addresses = [address for field in fields for address in field.addresses]
    broken = any(isinstance(fault, email.errors.InvalidHeaderDefect) for field in fields for fault in field.defects)
    one = len(fields) == 1 and len(addresses) == 1 and not broken
    return addresses[0].addr_spec.lower() if one else ""


def is_signed(mail: Mail, keys: Keys, accepted: Iterable[str] = ()) -> bool:
    """Raises LaterError. `accepted` are the addresses and domains whose mail counts; without any, everybody's does."""
    try:
        sender = author(mail.raw)
        domain = sender.rpartition("@")[2]
        if not domain or not _accepts(accepted, sender):
            return False
        message = dkim.DKIM(mail.raw, minkey=SMALLEST_KEY)
    except Exception:  # mail comes from anybody, and what cannot be read proves nothing
        return False
    fields = [value for name, value in message.headers if name.lower() == b"dkim-signature"][:MOST_SIGNATURES]
    # x= and t= are about the time when the mail came (RFC 6376 section 3.5), and dkimpy reads the clock by itself.
    dkim.time = SimpleNamespace(time=lambda: mail.arrived)
    later = None
    for number, field in enumerate(fields):
        try:
            if _of(domain, field) and message.verify(number, dnsfunc=keys):
                return True
        except LaterError as error:
            later = error
        except Exception as error:  # another signature may be better
            log.debug("%s", error)
    if later:
        raise later
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


def fetch(mailbox: MailboxConnection, message: Any) -> Mail:
    """As it was sent: what the mailboxes give by themselves is text, in which other bytes than UTF-8 are lost."""
    if isinstance(mailbox, MaildirConnection):
        folder = mailbox._active_folder
        return Mail(folder.get_bytes(message), folder.get_message(message).get_date())
    found = mailbox._client.fetch([message], ["BODY.PEEK[]", "INTERNALDATE"])[message]
    return Mail(found[b"BODY[]"], found[b"INTERNALDATE"].timestamp())


def sort(
    mailbox: MailboxConnection,
    folder: str,
    keys: Keys,
    accepted: Iterable[str],
    now: float,
    remaining: Callable[[], float],
) -> Counter[str]:
    """How many messages have to stay, by the reason."""
    for name in (ARCHIVE, SIGNED, UNSIGNED):
        mailbox.create_folder(name)
    left: Counter[str] = Counter()
    messages = mailbox.fetch_messages(folder)
    for number, message in enumerate(messages):
        if remaining() < 0:
            left[SLOW] = len(messages) - number
            break
        try:
            mail = fetch(mailbox, message)
            try:
                signed = is_signed(mail, keys, accepted)
            except LaterError:
                if mail.arrived > now - LONGEST_WAIT:
                    left[SILENT] += 1
                    continue
                signed = False
            mailbox.move_message(message, SIGNED if signed else UNSIGNED)
        except _LOST as error:
            log.debug("%s", error)
            left[BROKEN] = len(messages) - number
            break
    return left


def open_mailbox(config: configparser.ConfigParser) -> MailboxConnection:
    if config.has_section("maildir"):
        return MaildirConnection(config["maildir"]["maildir_path"])
    imap = config["imap"]
    port, tries = imap.getint("port"), imap.getint("max_retries")
    return IMAPConnection(imap["host"], imap["user"], imap["password"], port=port, max_retries=tries)


def main(arguments: list[str]) -> int:
    ini, settings_file, log_file = arguments
    end = time.monotonic() + MOST_SECONDS

    def remaining() -> float:
        return end - time.monotonic()

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
        left = sort(mailbox, folder, keys_of(resolver, remaining), settings["from"], time.time(), remaining)
    except Exception:
        log.exception("Mailbox Error")
        return 1
    for reason, number in left.items():
        log.warning("%d messages stay in %s, because %s", number, folder, reason)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
