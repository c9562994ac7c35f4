# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""How wanted DKIM keys meet published ones: in use, revoked, removed. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Outcome, Values, Wanted, refuse
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import build_dkim, parse_dkim


def dkim(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """A key that is published is never replaced by another: mail signed with it may still be on its way."""
    if not have or have == wanted.values:
        return Outcome(wanted.values)
    if len(have) > 1:
        return refuse(
            f"has {len(have)} TXT records where DKIM allows one, so verifiers may pick the wrong one",
            "delete all but the record of the key in use",
            have,
        )
    try:
        published = parse_dkim(have[0])
    except ValueError as error:
        return refuse(f"has a TXT record that is no DKIM key: {error}", "delete it or use another selector", have)
    key = parse_dkim(wanted.values[0])
    if published.revoked:
        return refuse("has a revoked DKIM key (empty p=)", "use a new selector; a selector is never used again")
    if published.same_key != key.same_key:
        return refuse(
            f"publishes another DKIM key ({_end(published.public_key)}) than the signers hold ({_end(key.public_key)})",
            "use a new selector, or put the published key's private half on the signers",
        )
    return Outcome(have if published == key else wanted.values)


def dkim_revoked(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """An empty p= in the place of our former key; what is gone already needs none."""
    if not have:
        return Outcome(())
    problem = _not_ours(wanted, have)
    if problem:
        return problem
    key = parse_dkim(have[0])
    return Outcome(have if key.revoked else (build_dkim(key._replace(public_key="")),), shrinks=not key.revoked)


def dkim_removed(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """Only what was revoked before goes, so that nothing in use is ever taken away."""
    if not have:
        return Outcome(())
    problem = _not_ours(wanted, have)
    if problem:
        return problem
    if not parse_dkim(have[0]).revoked:
        return refuse("still publishes a DKIM key that was to be revoked", "run dkim_rotate.yml again", have)
    return Outcome(())


def _not_ours(wanted: Wanted, have: Values) -> Outcome | None:
    try:
        published = parse_dkim(have[0]) if len(have) == 1 else None
    except ValueError:
        published = None
    if published is None:
        return refuse("has other records than our former DKIM key", "delete them", have)
    ours = parse_dkim(wanted.values[0]) if wanted.values else published
    if not published.revoked and published.same_key != ours.same_key:
        return refuse(
            f"publishes another DKIM key ({_end(published.public_key)}) than the one that was replaced",
            "see who else writes the zone; it is left alone",
        )
    return None


def _end(public_key: str) -> str:
    """Keys of one length begin alike, and those of RSA end in the same exponent."""
    return f"p=...{public_key[-24:]}"
