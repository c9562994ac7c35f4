# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Zone files: what is printed is read again as the same, whatever the values are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Found, RRset
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import canonical
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_zonefile import (
    UnreadableError,
    change_zone,
    found_in,
    moved,
    parse_zone,
    print_zone,
)

WHOLE = "$TTL 300\n@ IN SOA ns1 hostmaster 41 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
LABELS = st.from_regex(r"[a-z_][a-z0-9-]{0,20}", fullmatch=True).filter(lambda label: label != "ns1")
VALUES = {
    "TXT": st.text(max_size=700).filter(lambda text: len(text.encode("utf-8", "surrogatepass")) < 2000),
    "A": st.integers(0, 255).map(lambda last: f"192.0.2.{last}"),
    "MX": st.tuples(st.integers(0, 65535), LABELS).map(lambda mx: f"{mx[0]} {mx[1]}.example.net."),
}


@st.composite
def changes(draw):
    found = {}
    for name, rdtype in draw(st.lists(st.tuples(LABELS, st.sampled_from(sorted(VALUES))), max_size=6)):
        texts = draw(st.lists(VALUES[rdtype], min_size=1, max_size=3))
        values = tuple(sorted({canonical(rdtype, text.encode("utf-8", "replace").decode()) for text in texts}))
        ttl = draw(st.integers(1, 2**31 - 1))
        found[name, rdtype] = Change(f"{name}.example.com", rdtype, ttl, values, (), values, None)
    return list(found.values())


@pytest.mark.parametrize("text", ["", WHOLE])
@given(wanted=changes())
def test_what_is_printed_is_read_as_the_same(text, wanted):
    zone = parse_zone("example.com", text)
    assert not moved(zone, wanted)
    change_zone(zone, wanted)
    printed = print_zone(zone)
    again = parse_zone("example.com", printed)
    assert print_zone(again) == printed
    for change in wanted:
        assert found_in(again, change.name, change.type) == Found(RRset(change.ttl, change.after))
    assert moved(again, wanted) is bool(wanted)
    assert (" 42 3600 600" in printed) is bool(text)
    assert ("ns1.example.com. 300 IN A 192.0.2.53" in printed) is bool(text)


@pytest.mark.parametrize("text", ["@ IN", "@ IN A nope\n", "$INCLUDE x\n", "www IN A 192.0.2.1\n", "@ 5 IN A 1 2 3\n"])
def test_what_is_no_zone_is_refused(text):
    with pytest.raises(UnreadableError, match=r"cannot be read as zone example\.com: "):
        parse_zone("example.com", text)
