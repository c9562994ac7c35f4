# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Writes a zone's changes by DNS UPDATE (RFC 2136) with TSIG over TCP, guarded by prerequisites.

Uses dnspython. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import rdata_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import Server

DNSPYTHON_ERROR = ""
try:
    import dns.exception
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdata
    import dns.tsig
    import dns.update
except ImportError as error:
    DNSPYTHON_ERROR = str(error)

MESSAGE_LIMIT = 60000  # a DNS message ends at 65,535 bytes; the rest is for the header and the signature
_RECORD_BYTES = 10
_CONFLICTS = ("NXRRSET", "YXRRSET", "YXDOMAIN", "NXDOMAIN")


class Applied(NamedTuple):
    """What became of one zone's changes."""

    conflict: bool = False  # the zone moved since it was read: read it again
    unknown: bool = False  # sent, but no answer: reading tells
    away: bool = False  # nobody answers there: others need not be tried
    problem: str = ""
    atomic: bool = True


def require_dnspython() -> None:
    if DNSPYTHON_ERROR:
        raise ValueError(
            f"The controller's Python lacks dnspython ({DNSPYTHON_ERROR}). "
            "Remedy: install dnspython beside ansible-core, for example with pip install dnspython."
        )


def _wires(change: Change) -> Iterator[tuple[str, bytes]]:
    """('guard' | 'delete' | 'add', record data); deletes and guards carry the bytes that the server holds."""
    before = change.before
    if before is not None:
        gone = set(change.delete)
        for value, wire in zip(before.values, before.wire):
            yield "guard", wire
            if value in gone:
                yield "delete", wire
    for value in change.add:
        yield "add", rdata_wire(change.type, value)


def _size(change: Change) -> int:
    head = len(name_wire(change.name)) + _RECORD_BYTES
    return 2 * head + sum(head + len(wire) for _kind, wire in _wires(change))


def chunks(changes: Sequence[Change], limit: int = MESSAGE_LIMIT) -> list[list[Change]]:
    """As few messages as possible; a change is never split."""
    parts: list[list[Change]] = []
    room = 0
    for change in changes:
        size = _size(change)
        if not parts or size > room:
            parts.append([])
            room = limit
        parts[-1].append(change)
        room -= size
    return parts


def build_update(zone: str, changes: Sequence[Change], server: Server) -> dns.update.UpdateMessage:
    message = dns.update.UpdateMessage(dns.name.from_text(zone + "."))
    for change in changes:
        _add_change(message, change)
    if server.key_name:
        message.use_tsig(dns.tsig.Key(server.key_name, server.key_secret, server.key_algorithm))
    return message


def _add_change(message: dns.update.UpdateMessage, change: Change) -> None:
    name = dns.name.from_text(change.name + ".")
    rdata: dict[str, list[Any]] = {"guard": [], "delete": [], "add": []}
    for kind, wire in _wires(change):
        rdata[kind].append(dns.rdata.from_wire("IN", change.type, wire, 0, len(wire)))
    if rdata["guard"]:
        message.present(name, *rdata["guard"])
    elif change.type == "CNAME":
        message.absent(name)
    else:
        # BIND drops a record beside a CNAME and still answers NOERROR.
        message.absent(name, change.type)
        message.absent(name, "CNAME")
    if rdata["delete"]:
        message.delete(name, *rdata["delete"])
    if rdata["add"]:
        message.add(name, change.ttl, *rdata["add"])


def apply_zone(zone: str, changes: Sequence[Change], server: Server, limit: int = MESSAGE_LIMIT) -> Applied:
    """One message, so all or nothing; more than one only when the changes do not fit."""
    parts = chunks(changes, limit)
    atomic = len(parts) == 1
    for number, part in enumerate(parts):
        applied = _send(build_update(zone, part, server), server)
        if applied.problem and number:
            done = f" {number} of {len(parts)} parts of the change were written before; a re-run completes it."
            applied = applied._replace(problem=applied.problem + done)
        if applied != Applied():
            return applied._replace(atomic=atomic)
    return Applied(atomic=atomic)


def _send(message: dns.update.UpdateMessage, server: Server) -> Applied:
    try:
        answer = dns.query.tcp(message, server.server, timeout=server.timeout, port=server.port)
    except dns.tsig.PeerError as error:
        return Applied(problem=_tsig_problem(server, error))
    except dns.exception.Timeout:
        return Applied(unknown=True, away=True, problem=_sentence(server, f"did not answer within {server.timeout} s"))
    except (OSError, EOFError) as error:
        what = f"cannot be reached ({getattr(error, 'strerror', None) or 'it closed the connection'})"
        return Applied(unknown=True, away=True, problem=_sentence(server, what))
    except (dns.exception.DNSException, ValueError) as error:
        what = f"sent an answer that cannot be trusted ({type(error).__name__}: {error})"
        return Applied(problem=_sentence(server, what, "check key_name, key_algorithm and key_secret"))
    rcode = dns.rcode.to_text(answer.rcode())
    if rcode == "NOERROR":
        return Applied()
    if rcode in _CONFLICTS:
        return Applied(conflict=True)
    return Applied(problem=_rcode_problem(server, rcode))


def _sentence(server: Server, what: str, remedy: str = "") -> str:
    remedy = remedy or "check dns.server and that TCP port 53 is open from the controller"
    return f"{server} {what}. Remedy: {remedy}."


def _tsig_problem(server: Server, error: Exception) -> str:
    found = {"PeerBadKey": "BADKEY", "PeerBadSignature": "BADSIG", "PeerBadTime": "BADTIME"}
    code = found.get(type(error).__name__, str(error))
    remedy = {
        "BADKEY": f"give the server a key named '{server.key_name}' with {server.key_algorithm}, or correct key_name",
        "BADSIG": "correct key_secret and key_algorithm",
        "BADTIME": "set the clocks of the controller and of the server (NTP)",
    }.get(code, "check key_name, key_algorithm and key_secret")
    return _sentence(server, f"rejects the TSIG key '{server.key_name}' ({code})", remedy)


def _rcode_problem(server: Server, rcode: str) -> str:
    key = f"key '{server.key_name}'" if server.key_name else "unsigned requests"
    remedy = {
        "REFUSED": f"allow {key} in the zone's update-policy or allow-update",
        "NOTAUTH": "serve the zone there as primary, or name its primary in dns.zones",
        "NOTZONE": "name the zone's own primary in dns.zones",
        "SERVFAIL": "look into the server's log; often its zone directory or journal is not writable",
        "NOTIMP": "use a primary that understands DNS UPDATE (RFC 2136)",
    }.get(rcode, "look into the server's log")
    return _sentence(server, f"answers the update with {rcode}", remedy)
