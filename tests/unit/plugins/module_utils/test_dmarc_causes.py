# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the pages say of a source that fails."""

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_causes import seen_of, why

CASES = [
    ("foreign", "", "fail x.example", "calls this network foreign", "Nothing"),
    ("forwarded", "fail example.com mf1", "pass list.example", "forwarder or a mailing list", "Nothing"),
    (
        "own",
        "fail example.com mf1",
        "fail bounce.example.com",
        "does not fit the published key",
        "Compare the selector",
    ),
    ("own", "temperror example.com mf1", "pass other.example", "could not read the SPF or DKIM", "name servers"),
    (
        "own",
        "pass example.net s1",
        "pass bounce.example.net",
        "authenticated only as example.net, bounce",
        "Have it signed",
    ),
    ("own", "", "softfail example.org", "nobody signed for example.com", "Send it through a pool"),
    (
        "unknown",
        "fail example.com mf1",
        "pass forwarder.example",
        "that was changed on its way",
        "Nothing, if the numbers",
    ),
    (
        "unknown",
        "pass esp.example k1",
        "pass esp.example",
        "authenticates as esp.example.",
        "set up DKIM for example.com",
    ),
    ("unknown", "", "permerror shop.example", "could not read a record", "name servers"),
    ("unknown", "", "fail spammer.example", "Somebody who pretends to be example.com", "progression.foreign"),
    ("unknown", "", "", "Somebody who pretends", "progression.senders"),
]


@pytest.mark.parametrize(("kind", "dkim", "spf", "cause", "remedy"), CASES)
def test_a_source_gets_a_cause_and_a_remedy(kind: str, dkim: str, spf: str, cause: str, remedy: str) -> None:
    found = why(seen_of({"kind": kind, "from": "example.com", "dkim": dkim, "spf": spf}))
    assert cause in found.cause
    assert remedy in found.remedy
    assert "{" not in found.cause + found.remedy
