# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""DNS questions and answers on the wire: only what reading needs. Pure.

A check of a large fleet is ten thousand small messages; this reader takes a tenth of the time of a full
DNS library (which is used for everything that is written, see _dns_update.py), and tests compare the two.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

TYPES = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "SOA": 6,
    "PTR": 12,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
    "TLSA": 52,
    "CAA": 257,
}
_TYPE_NAMES = {number: name for name, number in TYPES.items()}
_IN = 1
_AUTHORITATIVE, _TRUNCATED, _RESPONSE, _RECURSION, _AUTHENTICATED = 0x0400, 0x0200, 0x8000, 0x0100, 0x0020
# EDNS with the size that is never fragmented.
_OPT = b"\x00" + struct.pack(">HHIH", 41, 1232, 0, 0)
# Types whose data holds names that may be compressed (RFC 3597): where the name starts, how many follow each other.
_COMPRESSED = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1)}
_HEADER, _RECORD = struct.Struct(">6H"), struct.Struct(">HHIH")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_*")


class Record(NamedTuple):
    name: str
    type: str
    ttl: int
    rdata: bytes  # names in it uncompressed


class Message(NamedTuple):
    id: int
    rcode: int
    authoritative: bool
    truncated: bool
    question: tuple[str, str]
    answer: list[Record]
    authority: list[Record]
    authenticated: bool = False  # the resolver checked it by DNSSEC


@lru_cache(maxsize=65536)
def name_wire(name: str) -> bytes:
    if not name.isascii():
        raise ValueError(f"'{name}' is no DNS name; write it in its xn-- form")
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".") if label]
    if any(len(label) > 63 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        raise ValueError(f"'{name}' is too long for DNS")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


def question_wire(number: int, name: str, rdtype: str, recursion: bool = False) -> bytes:
    header = _HEADER.pack(number, _RECURSION | _AUTHENTICATED if recursion else 0, 1, 0, 0, 1)
    return header + name_wire(name) + struct.pack(">HH", TYPES[rdtype], _IN) + _OPT


def _read_name(wire: bytes, at: int) -> tuple[bytes, int]:
    """The uncompressed name and where the reading goes on."""
    labels, after, limit = [], -1, at
    while True:
        length = wire[at]
        if length < 64:
            labels.append(wire[at : at + 1 + length])
            at += 1 + length
            if not length:
                return b"".join(labels), at if after < 0 else after
        elif length >= 192:
            if after < 0:
                after = at + 2
            at = (length & 63) << 8 | wire[at + 1]
            if at >= limit:  # pointers go back only, so this ends
                raise ValueError("a name points forward")
            limit = at
        else:
            raise ValueError("unknown label type")


@lru_cache(maxsize=65536)
def name_text(wire: bytes) -> str:
    """Lower case, without the final dot; unusual characters escaped."""
    labels, at = [], 0
    while wire[at]:
        label = wire[at + 1 : at + 1 + wire[at]].lower()
        at += 1 + wire[at]
        labels.append("".join(chr(c) if c in _PLAIN else f"\\{c:03d}" for c in label))
    return ".".join(labels)


def _read_record(wire: bytes, at: int) -> tuple[Record, int]:
    name, at = _read_name(wire, at)
    number, _rdclass, ttl, length = _RECORD.unpack_from(wire, at)
    at += 10
    end = at + length
    if end > len(wire):
        raise ValueError("a record runs past the end of the message")
    rdata = wire[at:end]
    if number in _COMPRESSED:
        start, names = _COMPRESSED[number]
        parts, inner = [rdata[:start]], at + start
        for _count in range(names):
            part, inner = _read_name(wire, inner)
            parts.append(part)
        rdata = b"".join([*parts, wire[inner:end]])
    return Record(name_text(name), _TYPE_NAMES.get(number, f"TYPE{number}"), ttl, rdata), end


def parse_message(wire: bytes) -> Message:
    """Raises ValueError for anything that is no answer to one question."""
    try:
        number, flags, questions, answers, authorities, _additional = _HEADER.unpack_from(wire)
        if not flags & _RESPONSE or questions != 1:
            raise ValueError("this is no answer")
        name, at = _read_name(wire, _HEADER.size)
        rdtype = struct.unpack_from(">H", wire, at)[0]
        at += 4
        truncated = bool(flags & _TRUNCATED)
        sections: list[list[Record]] = [[], []]
        # The additional section is not needed.
        for section, count in zip(sections, (0, 0) if truncated else (answers, authorities)):
            for _count in range(count):
                record, at = _read_record(wire, at)
                section.append(record)
    except (struct.error, IndexError) as error:
        raise ValueError("the message is cut off") from error
    question = (name_text(name), _TYPE_NAMES.get(rdtype, f"TYPE{rdtype}"))
    return Message(
        number,
        flags & 15,
        bool(flags & _AUTHORITATIVE),
        truncated,
        question,
        sections[0],
        sections[1],
        bool(flags & _AUTHENTICATED),
    )


def soa_serial(record: Record) -> int:
    return int(struct.unpack_from(">I", record.rdata, len(record.rdata) - 20)[0])
