# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Amounts in PowerMTA's configuration language: intervals, rates and sizes. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, WARNING, Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import boolean, case, wrong

_UNITS = "(?:d|day|h|hr|m|min|s|sec)"
_DURATION = re.compile(r"0|(?=\d)(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?")
_LOOSE_DURATION = re.compile(r"(?:\d+[wdhms])+", re.IGNORECASE)
_RATE = re.compile(rf"unlimited|0|0*[1-9]\d*/(?:0*[1-9]\d*)?{_UNITS}")
_DATA_RATE = re.compile(rf"unlimited|0|\d+[bkmgt]?/(?:0*[1-9]\d*)?{_UNITS}", re.IGNORECASE)
_DAILY = re.compile(r"\d+/(?:d|day)(?:,\d+/(?:d|day))*")


def _short(value: str, form: re.Pattern[str]) -> str:
    """The remedy for units that were written out."""
    short = re.sub(r"([0-9/])(w|d|h|m|s)(?:eek|ay|our|r|in|inute|ec|econd)?s?(?![a-z])", r"\1\2", value.lower())
    return f"Write {short}." if short != value and form.fullmatch(short) else ""


def duration(value: str) -> Problem:
    if _DURATION.fullmatch(value):
        return None
    if _LOOSE_DURATION.fullmatch(value):
        return WARNING, f'has the interval "{value}". Write it in lower case and in the order 1w2d12h30m.'
    remedy = f"Write the unit, as in {value}s or {value}m." if value.isdigit() else "Use the units w, d, h, m and s."
    return wrong(value, "a time interval such as 1d12h, 30m or 300s", _short(value, _DURATION) or remedy)


def duration_or_never(value: str) -> Problem:
    return None if value == "never" else case(value, duration_or_never, duration(value))


def boolean_or_duration_or_never(value: str) -> Problem:
    if value == "never" or boolean(value) is None or duration(value) is None:
        return None
    return case(value, boolean_or_duration_or_never, wrong(value, "yes, no, never or a time interval"))


def duration_list(value: str) -> Problem:
    if re.search(r"[ \t]", value):
        return wrong(value, "intervals with commas and without blanks, such as 10m,30m,2h")
    parts = value.split(",")
    if len(parts) > 30:
        return ERROR, f"has {len(parts)} intervals, and 30 is the most. Shorten the list; its last interval repeats."
    return next((problem for problem in map(duration, parts) if problem), None)


def rate(value: str) -> Problem:
    if _RATE.fullmatch(value):
        return None
    remedy = "0 messages in an interval are not allowed; 0 alone means unlimited." if value.startswith("0/") else ""
    return case(
        value, rate, wrong(value, "a rate such as 100/h or 5/10m, or unlimited", _short(value, _RATE) or remedy)
    )


def data_rate(value: str) -> Problem:
    return None if _DATA_RATE.fullmatch(value) else wrong(value, "an amount in an interval such as 10M/h, or unlimited")


def daily_limits(value: str) -> Problem:
    if value == "0":
        return WARNING, "is 0 without an interval, which no guide shows. Write 0/day."
    return (
        None
        if _DAILY.fullmatch(value)
        else wrong(value, "messages a day with commas and without blanks, such as 50/day,100/day")
    )


def size(value: str) -> Problem:
    if re.fullmatch(r"0|\d+[bkmgt]", value, re.IGNORECASE):
        return None
    if value.isdigit():
        return WARNING, f'has the value "{value}" without a unit, which is deprecated. Write {value}b.'
    remedy = f"Write {value[:-1]}." if re.fullmatch(r"\d+[kmgt]b", value, re.IGNORECASE) else ""
    return wrong(value, "a size such as 500k, 50M or 1G", remedy)


def size_or_unlimited(value: str) -> Problem:
    if value == "unlimited" or size(value) is None:
        return None
    return case(value, size_or_unlimited, size(value))
