# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The values of PowerMTA's configuration language that have a form of their own. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_amounts import (
    duration,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items, unquote, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, WARNING, Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import (
    RECORDS,
    Check,
    case,
    cidr,
    domain_list,
    domain_name,
    domain_pattern,
    email,
    host_name,
    network,
    pair,
    path,
    port,
    refused,
    wrong,
)

_MX = re.compile(r"(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?")
_HTTP_LEVELS = ("monitor", "monitor,deny-logs", "operator", "admin", "none")


def source_host(value: str) -> Problem:
    parts = words(value) or []
    if len(parts) != 2:
        return ERROR, f'takes an address and the host name for HELO, not "{value}". Write ADDRESS HOST-NAME.'
    if network(parts[0]) is None:
        if network(parts[1]) is not None:
            return ERROR, f"has the host name before the address. Write {parts[1]} {parts[0]}."
        if re.fullmatch(r"[\d.]+-[\d.]+", parts[0]):
            return (
                ERROR,
                f'has the range "{parts[0]}". Write a line for each address, or a network such as 192.0.2.0/28.',
            )
        return wrong(parts[0], "an IP address as its first value")
    if network(parts[0]) == network("127.0.0.1"):
        return WARNING, "has 127.0.0.1, which PowerMTA drops. Use an address that the receivers can reach."
    if parts[1].startswith("[") and network(parts[1]) is not None:
        return WARNING, f"has {parts[1]} for HELO, which many receivers refuse. Write the name that it has in DNS."
    return host_name(parts[1])


def listener(value: str) -> Problem:
    parts = words(value) or []
    if len(parts) == 2 and re.fullmatch(r"tls=(yes|no|true|false)", parts[1]):
        remedy = f"Write <smtp-listener {parts[0]}> with immediate-tls in it."
        return listener(parts[0]) or (WARNING, f"has {parts[1]}, which is in no guide for 5.0. {remedy}")
    if not parts or len(parts) > 2 or (len(parts) == 2 and not re.fullmatch(r"source=\S+", parts[1])):
        return wrong(value, "ADDRESS:PORT and perhaps source=NAME")
    address, _colon, number = parts[0].rpartition(":")
    if network(address) is None or port(number) or not int(number):
        return wrong(parts[0], "ADDRESS:PORT, such as 192.0.2.1:25, 0/0:25 or [2001:db8::1]:25")
    return None


def domain_key(value: str) -> Problem:
    parts = items(value)
    if len(parts) != 3 or not all(parts):
        return ERROR, f'has {len(parts)} parts where 3 belong. Write SELECTOR,DOMAIN,FILE with commas, not "{value}".'
    selector, domain, file = parts
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*|\{selector\}", selector):
        return wrong(selector, "a selector such as mf1 as its first part")
    known = None if domain == "{domain}" else domain_list(domain)
    if file.startswith("{"):
        whole = re.fullmatch(r"\{vault\}:/[^\s:]+(:\S+)?", file)
        if whole and not whole[1]:
            return known or (WARNING, f"has {file} without the name of the key. Write {{vault}}:/PATH:KEY.")
        return known if whole else wrong(file, "a file or {vault}:/PATH:KEY as its third part")
    text = unquote(file)
    if text is None or (text == file and re.search(r"[ \t]", file)):
        return wrong(file, "one file as its third part")
    return known or path(text)


def domain_macro(value: str) -> Problem:
    name, _blank, rest = value.replace("\t", " ").partition(" ")
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        return wrong(name, "a name of letters, digits and underscores first")
    if not rest.strip():
        return ERROR, f"{name} has no domains. Write domain-macro {name} DOMAIN,DOMAIN on one line."
    *parts, last = items(rest)
    for item in (*parts, last) if last or not parts else parts:
        bare = item[1:] if item[:1] in ".$" else item
        if not bare or refused(domain_pattern(bare.replace("$", ""))):
            return wrong(item, "domains with commas between them")
    return None if last else (WARNING, f"{name} ends with a comma, and no domain follows it. Remove the comma.")


def enable_signals(value: str) -> Problem:
    first, *rest = items(value)
    if len(rest) > 1 or (rest and not re.fullmatch(r"subaccount=\d+", rest[0])) or not re.fullmatch(r"[\w.-]+", first):
        return wrong(value, "true, false or the name of a filter, and perhaps ,subaccount=NUMBER")
    return None


def http_access(value: str) -> Problem:
    parts = words(value) or []
    levels = "monitor, monitor,deny-logs, operator, admin or none"
    if len(parts) < 2:
        return ERROR, f'takes a network and a right, not "{value}". Write CIDR and one of {levels}.'
    if cidr(parts[0]):
        return wrong(parts[0], "an IP address or a network as its first value")
    right = "".join(parts[1:]).lower()
    return None if right in _HTTP_LEVELS else wrong(" ".join(parts[1:]), levels)


def pickup(value: str) -> Problem:
    return pair(path, path)(value)


def dkim_identity(value: str) -> Problem:
    if value == "sender-or-from" or (value.startswith("@") and not refused(domain_pattern(value[1:]))):
        return None
    return email(value) if "@" in value else domain_name(value)


def smtp_hosts(value: str) -> Problem:
    for host in re.split(r"[,;]", value):
        problem = _smtp_host(host.strip()) if value.strip() else None
        if problem:
            return problem
    return None


def _smtp_host(host: str) -> Problem:
    match = re.fullmatch(r"(?:lookup-mx:)?(\[[^\]]*\]|[^:\[\]\s]+)(?::(\d+))?", host)
    if not match or (match[2] and port(match[2])):
        return wrong(host, "hosts such as mx.example.com:25, [192.0.2.1] or lookup-mx:example.com, with , or ; between")
    if match[1].startswith("["):
        return None if network(match[1]) is not None else wrong(host, "an address in its brackets")
    if network(match[1]) is not None:
        return WARNING, f'has the address "{match[1]}" without brackets. Write [{match[1]}].'
    return None if match[1].startswith("{") else host_name(match[1])


def delete_after(value: str) -> Problem:
    if re.fullmatch(r"\d+d|never|0", value):
        return None
    if duration(value) is None:
        return WARNING, f'has "{value}", and only days and never are documented. Write the days, as in 8d.'
    return wrong(value, "days such as 8d, or never")


def header_to_field(value: str) -> Problem:
    parts = words(value) or []
    if len(parts) != 3 or not re.fullmatch(r"(?i)header_[!-+\--~]+", parts[1]) or not re.fullmatch(r"\w+", parts[2]):
        return ERROR, f'takes RECORD-TYPE header_NAME FIELD, not "{value}".'
    if parts[0] not in RECORDS or RECORDS[parts[0]] == "tq":
        return wrong(parts[0], "one of d, b, t, r, rb, rs and f as its first value")
    return None


def record_fields(value: str) -> Problem:
    kind, _blank, rest = value.replace("\t", " ").partition(" ")
    if not all(part in RECORDS for part in kind.split(",")):
        return wrong(kind, "one of d, b, t, tq, r, rb, rs and f as its first value")
    if not rest.strip():
        return ERROR, f"{kind} has no fields. Write record-fields {kind} FIELD,FIELD or *."
    for item in items(rest):
        if not re.fullmatch(r"!?(?:\*|header_[!-+\--~]+|arf_[!-+\--~]+|[A-Za-z]+)", item):
            return wrong(item, "names of fields with commas between them, header_NAME or *")
    return None


def queue_filter(value: str) -> Problem:
    for item in items(value):
        domain, _slash, vmta = item.lstrip("!").partition("/")
        if refused(domain_pattern(domain)) or re.search(r"[\s/\";]", vmta):
            return wrong(item, "queues such as example.com/vmta1 with commas between them")
    return None


def mx(value: str) -> Problem:
    parts = words(value) or []
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[2].lower() != "rollup-by-ip"):
        return ERROR, f'takes an MX name and a queue, and perhaps rollup-by-ip, not "{value}".'
    if not all(_MX.fullmatch(name) for name in parts[0].split(",")):
        return wrong(parts[0], "the name of an MX or *.DOMAIN as its first value")
    if not parts[1].lower().endswith(".rollup") or domain_pattern(parts[1]):
        better = parts[1].split(".")[0]
        return ERROR, f'has the queue "{parts[1]}", and its name must end in .rollup. Write {better}.rollup.'
    return None if parts[2:] in ([], ["rollup-by-ip"]) else case(value, mx, None)


def alias(value: str) -> Problem:
    parts = words(value) or []
    if len(parts) < 2 or not all(re.fullmatch(r"(?:[^{}=,;\"]+,)*[^{}=,;\"]+", part) for part in parts):
        return ERROR, f'takes an alias and its targets with blanks between them, not "{value}".'
    return None


def signals_line(value: str) -> Problem:
    parts = words(value) or []
    rights = r"enable-signals(,subaccount=\d+)?|disable-signals"
    if len(parts) == 2 and not refused(domain_pattern(parts[0])) and re.fullmatch(rights, parts[1]):
        return None
    return wrong(value, "DOMAIN and enable-signals or disable-signals")


def proxy_server(value: str) -> Problem:
    host, _colon, number = value.rpartition(":")
    if host and port(number) is None and (network(host) is not None or host_name(host) is None):
        return None
    return wrong(value, "HOST:PORT")


def proxy_client(value: str) -> Problem:
    parts = words(value) or []
    if len(parts) == 2 and (network(parts[0]) is not None or proxy_server(parts[0]) is None):
        return host_name(parts[1])
    return wrong(value, "IP[:PORT] HOST-NAME")


def proxy_source_host(value: str) -> Problem:
    parts = words(value) or []
    if len(parts) != 4 or cidr(parts[0]) or proxy_server(parts[1]):
        return ERROR, f'takes LOCAL-IP PROXY-SERVER:PORT PROXY-CLIENT-IP[:PORT] HOST-NAME, not "{value}".'
    return proxy_client(" ".join(parts[2:]))


def certificate(value: str) -> Problem:
    parts = words(value) or []
    return path(parts[0]) if len(parts) in (1, 2) and parts[0] else wrong(value, "a file and perhaps its password")


def default_vmta(value: str) -> Problem:
    parts = words(value) or []
    if parts == [""]:
        return WARNING, "is emptied, and no guide shows that. Name a virtual MTA or a pool."
    return None if len(parts) == 1 else wrong(value, "one virtual MTA or pool, or by-smtp-source-ip")


COMPOSITE: dict[str, Check] = {
    "alias": alias,
    "default-virtual-mta": default_vmta,
    "delete-after": delete_after,
    "dkim-identity": dkim_identity,
    "domain-key": domain_key,
    "domain-macro": domain_macro,
    "enable-signals": enable_signals,
    "http-access": http_access,
    "map-header-to-field": header_to_field,
    "mx": mx,
    "path-then-optional-password": certificate,
    "pickup": pickup,
    "proxy-client": proxy_client,
    "proxy-server": proxy_server,
    "queue-filter": queue_filter,
    "record-fields": record_fields,
    "signals-line": signals_line,
    "smtp-hosts": smtp_hosts,
    "smtp-listener": listener,
    "smtp-proxy-source-host": proxy_source_host,
    "smtp-source-host": source_host,
}
