# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Which check belongs to which type of value in the table of directives. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_amounts import (
    boolean_or_duration_or_never,
    daily_limits,
    data_rate,
    duration,
    duration_list,
    duration_or_never,
    rate,
    size,
    size_or_unlimited,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import (
    Check,
    anything,
    boolean,
    cidr,
    ciphers,
    domain_list,
    domain_name,
    domain_pattern,
    email,
    email_list,
    header_list,
    header_name,
    host_name,
    integer,
    integer_or,
    ip,
    name,
    name_list,
    pair,
    path,
    port,
    record_types,
    url,
)

# Checks of the whole value with its quotes taken off.
ONE_WORD: dict[str, Check] = {
    "boolean": boolean,
    "integer": integer,
    "integer-or-unlimited": integer_or("unlimited"),
    "integer-or-auto": integer_or("auto"),
    "port": port,
    "duration": duration,
    "duration-or-never": duration_or_never,
    "boolean-or-duration-or-never": boolean_or_duration_or_never,
    "rate": rate,
    "data-rate": data_rate,
    "size": size,
    "size-or-unlimited": size_or_unlimited,
    "ip": ip,
    "cidr": cidr,
    "host-name": host_name,
    "domain-name": domain_name,
    "email": email,
    "path": path,
    "header-name": header_name,
    "name": name,
    "vmta-name": name,
    "vmta-or-pool-name": name,
    "url": url,
    "api-key": anything,
    "enum": anything,
}
WHOLE: dict[str, Check] = {
    "duration-list": duration_list,
    "daily-limit-list": daily_limits,
    "domain-pattern": domain_list,
    "email-list": email_list,
    "header-list": header_list,
    "name-list": name_list,
    "record-type-list": record_types,
    "enum-then-optional-string": anything,
    "string": anything,
    "secret": anything,
    "command": anything,
    "tls-cipher-list": ciphers,
}
SPLIT: dict[str, Check] = {
    "cidr-then-rate": pair(cidr, rate),
    "cidr-then-data-rate": pair(cidr, data_rate),
    "cidr-then-integer": pair(cidr, integer_or("unlimited")),
    "mx-pattern-then-integer": pair(domain_pattern, integer_or("unlimited")),
    "domain-pair": pair(domain_pattern, host_name),
    "address-pair": pair(email, email),
}
