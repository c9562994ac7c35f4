# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Runs on a sender: offer one message to the signing service as Postfix does. Arguments: pool, domain of From.

Prints as JSON the reply ("a" for accept, or the SMTP reply of a refusal) and the headers that were added.
"""

import json
import socket
import struct
import sys


def strings(*words):
    return b"".join(word.encode() + b"\0" for word in words)


def steps(pool, domain):
    """The session; the service asked in its first answer to be told everything before it answers again."""
    yield b"D", b"C" + strings("{daemon_name}", pool)
    yield b"C", strings("app.lab.example") + b"4" + struct.pack("!H", 4000) + strings("198.51.100.1")
    yield b"H", strings("app.lab.example")
    yield b"M", strings("<bounces@lab.example>")
    yield b"R", strings("<anna@golden.example>")
    yield b"L", strings("From", f"<news@{domain}>")
    yield b"L", strings("Subject", "lab message")
    yield b"N", b""
    yield b"B", b"Hello\r\n"
    yield b"E", b""


def main(pool, domain):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect("/run/rspamd/milter.sock")
    answers = link.makefile("rb")

    def tell(kind, data):
        link.sendall(struct.pack("!I", len(data) + 1) + kind + data)

    def hear():
        (length,) = struct.unpack("!I", answers.read(4))
        data = answers.read(length)
        return data[:1].decode(), data[1:]

    tell(b"O", struct.pack("!III", 6, 0x1FF, 0xFF080))
    hear()
    for kind, data in steps(pool, domain):
        tell(kind, data)
    added = []
    kind, data = hear()
    while kind in "hi":  # a header, at the end or (after four bytes) at a place
        added.append(data[4 if kind == "i" else 0 :].decode().split("\0")[:2])
        kind, data = hear()
    print(json.dumps([data.rstrip(b"\0").decode() if kind == "y" else kind, added]))


main(*sys.argv[1:])
