# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Record data between wire form and the text of _dns_model.py.

TXT, MX and names are done here; other types by dnspython. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import name_text, name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import parse_txt_rdata, txt_rdata

try:
    import dns.exception
    import dns.name
    import dns.rdata
except ImportError:  # reported by _dns_update.require_dnspython
    pass

_NAMES = ("CNAME", "NS", "PTR")


def rdata_text(rdtype: str, wire: bytes) -> str:
    """Raises ValueError when the data is no value of this type."""
    if rdtype == "TXT":
        return parse_txt_rdata(wire)
    if rdtype == "MX":
        return f"{int.from_bytes(wire[:2], 'big')} {name_text(wire[2:])}."
    if rdtype in _NAMES:
        return f"{name_text(wire)}."
    if rdtype in ("A", "AAAA"):
        return str(ipaddress.ip_address(wire))
    try:
        return str(dns.rdata.from_wire("IN", rdtype, wire, 0, len(wire)).to_text())
    except dns.exception.DNSException as error:
        raise ValueError(f"a {rdtype} record cannot be read: {error}") from error


def rdata_wire(rdtype: str, text: str) -> bytes:
    """Raises ValueError when the text is no value of this type."""
    if rdtype == "TXT":
        return txt_rdata(text)
    if rdtype in _NAMES:
        return name_wire(text)
    try:
        wire = dns.rdata.from_text("IN", rdtype, text, origin=dns.name.root, relativize=False).to_wire()
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"'{text}' is no {rdtype} value: {error}") from error
    return bytes(wire or b"")


def canonical(rdtype: str, text: str) -> str:
    """The spelling that a server's answer gets here, so that values can be compared."""
    return rdata_text(rdtype, rdata_wire(rdtype, text))
