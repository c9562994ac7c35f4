# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What is known of PowerMTA's directives besides their type: since when, how often, which words and numbers.

Provenance: as in _powermta_directives. NAME holds in every scope, SCOPE/NAME only there.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

# May stand several times in one block.
REPEATABLE = """
address address-file alias transmissions-api/api-key body-pattern-file cold-virtual-mta domain domain-key
domain-macro forward-errors-to forward-unmatched-to from-domain header global/host-name http-access http-api-key
include ip-connection-limit mail-from map-header-to-field mx mx-connection-limit name-server pickup postmaster
rcpt-to record-fields relay-address relay-domain reply sender-or-from smtp-listener smtp-proxy-source-host
smtp-source-host source-ip-max-connect-rate source-ip-max-data-volume-rate source-ip-max-msg-rate
source-ip-max-smtp-out virtual-mta spool
"""

# Absent from the guide of 5.0r1, present in the later one (not later than about 5.0r8).
SINCE_LATE_5_0 = """
access-token cache-ttl dsn-failed-body-template-from dsn-failed-from-template dsn-failed-subject-template
edns-udp-length http-tls-allow-tlsv1.3 http-tls-dh-key-length http-tls-tlsv1.3-ciphersuites http-webhook-ca-file
http-webhook-certificate http-webhook-connect-timeout http-webhook-extra-headers http-webhook-io-timeout
http-webhook-log-verbose http-webhook-max-interval http-webhook-transfer-encoding http-webhook-url
max-memory-usage-percent proxy-protocol retry-after-dns-error server-url smtp-client-certificate
smtp-proxy-source-host smtp-server-tls-allow-tlsv1.3 smtp-server-tls-dh-key-length smtp-server-tls-v1.3-ciphersuites
smtp-tls-allow-tlsv1.3 smtp-tls-tlsv1.3-ciphersuites tls-allow-tlsv1.3 tls-dh-key-length tls-tlsv1.3-ciphersuites
track-time-first-attempt use-mta-sts volume-audit-api-key
"""

# New in 5.0.
SINCE_5_0 = """
api-key client custom-message-id-header enable-signals engagement-tracking http-default-max-items
http-default-sort-order http-delivery-extra-headers http-delivery-url transmissions-api/log-data log-requests
transmissions-api/log-tls log-verbose signals/min-free-space signals/privacy-policy process-x-sp-subaccount-id
protocol-version retain-x-sp-subaccount-id sender-or-from server transmissions-api-listener/tls-allow-sslv3
transmissions-api-listener/tls-allow-tlsv1 transmissions-api-listener/tls-allow-tlsv1.1
transmissions-api-listener/tls-allow-tlsv1.2 transmissions-api-listener/tls-ca-file
transmissions-api-listener/tls-certificate transmissions-api-listener/tls-ciphers upload-url use-dane use-proxy
"""

# New in 4.5.
SINCE_4_5 = """
address address-file check-iprev-inbound disable-acct-records http-redirect-to-https precached-domains-file
precached-max-domains precached-refresh-interval process-x-schedule reject-iprev-check-fail
reject-iprev-check-permerror reject-iprev-check-temperror retain-x-schedule second-dkim-add-body-limit
second-dkim-add-timestamp second-dkim-algorithm second-dkim-body-canon second-dkim-disallow-adding-headers
second-dkim-expire-after second-dkim-headers second-dkim-headers-canon second-dkim-identity
second-dkim-identity-fallback second-dkim-query-method second-dkim-sign smtp-hosts suppression-lists
trace-iprev-check track-recipient-events
"""

# In configurations of real servers, in no guide for 5.0.
SEEN_ONLY = """
add-gm-token auto-cold-virtual-mta bounce-address check-mfrom-inbound check-mfrom-outbound check-pra-outbound
dk-sign dummy-smtp-blacklist dummy-smtp-blacklist-bounce-method dummy-smtp-blacklist-bounce-percent
dummy-smtp-has-mailmerge dummy-smtp-log-blacklist log-messages remove-received-headers smtp-client-tls-ciphers
smtp-greeting smtp-source-ip sync-msg-create sync-msg-update total-max-file
"""

# What to write in place of a deprecated directive.
DEPRECATED = {
    "421-means-mx-unavailable": "smtp-421-means-mx-unavailable",
    "auto-cold-virtual-mta": "define a second <virtual-mta> and name it with cold-virtual-mta",
    "backoff-max-msg-per-hour": "backoff-max-msg-rate",
    "broken-auth-clients": "",
    "check-spf-inbound-best-guess": "",
    "deliver-email": "deliver-matched-email / deliver-unmatched-email",
    "deliver-local-dsn": "suppress-local-dsn in <source>",
    "delivery-priority": "queue-priority",
    "http-mgmt-source": "http-access",
    "max-msg-per-hour": "max-msg-rate",
    "max-smtp-out-per-source-ip": "source-ip-max-smtp-out",
    "no-http-mgmt-source": "http-access",
    "pickup-retry-interval": "",
    "route": "smtp-hosts",
    "smtp-ip": "smtp-listener",
    "smtp-port": "smtp-listener",
    "spool-min-free-space": "min-free-space inside <spool>",
    "global/spool": "<spool DIRECTORY>",
}

# Words that an enumeration takes.
VALUES = {
    "http-webhook-transfer-encoding": "gzip",
    "acct-file/privacy-policy": "retain redact siphash siphash-hexkey hmac-sha256 hmac-sha256-hexkey",
    "dkim-algorithm": "rsa-sha1 rsa-sha256",
    "dkim-body-canon": "simple relaxed",
    "dkim-headers-canon": "simple relaxed",
    "dkim-sign": "yes no true false if-x-dkim-options-present",
    "dsn-format": "standard plain-text",
    "file-format": "newfile-plain newfile-pickup append-mbox",
    "second-dkim-algorithm": "rsa-sha1 rsa-sha256",
    "second-dkim-body-canon": "simple relaxed",
    "second-dkim-headers-canon": "simple relaxed",
    "second-dkim-sign": "yes no true false if-x-dkim-options-present",
    "type": "smtp pipe file discard http-delivery",
    "http-default-sort-order": "rcpt name size",
    "signals/privacy-policy": "retain sha1",
    "authentication-method": "password system certificate",
    "add-date-header": "no yes override true false",
    "date-header-time": "reception delivery",
    "dsn-return-default": "headers full system",
}

# Smallest and largest number.
RANGES = {
    "delivery-priority": (0, 100),
    "queue-priority": (0, 100),
    "edns-udp-length": (512, 2048),
    "max-memory-usage-percent": (1, 100),
    "protocol-version": (1, 2),
    "priority": (1, 100),
    "proxy-protocol": (1, 2),
}

# Types of which no guide empties an inherited value with "".
NEVER_EMPTY = """
boolean integer integer-or-unlimited integer-or-auto port duration duration-or-never boolean-or-duration-or-never
rate data-rate size size-or-unlimited ip cidr host-name url api-key enum duration-list daily-limit-list
domain-pattern vmta-name include
"""

# Names in braces that stand for something of PowerMTA's own, where a domain or a virtual MTA is named.
RESERVED = "{default} {bounce} {bounceProcessor} {feedbackLoop} {sparkpost} {gmImprinter}"

# Values of a fixed shape.
PATTERNS = {
    "http-api-key": r"^[A-Za-z0-9_]{32,128}$",
    "signals/api-key": r"^[0-9A-Fa-f]{40}$",
    "transmissions-api/api-key": r"^[A-Za-z0-9_]{32,128}$",
}

# Blocks: where they may stand. Those in ONCE stand once in a configuration.
BLOCKS = {
    "source": "global",
    "domain": "global virtual-mta virtual-mta-pool",
    "virtual-mta": "global",
    "virtual-mta-pool": "global",
    "acct-file": "global",
    "spool": "global",
    "smtp-user": "global",
    "smtp-listener": "global",
    "smtp-pattern-list": "global",
    "pattern-list": "global",
    "bounce-category-patterns": "global",
    "bounce-processor": "global",
    "feedback-loop-processor": "global",
    "address-list": "bounce-processor feedback-loop-processor global",
    "email-patterns": "bounce-processor feedback-loop-processor",
    "mx-rollup-list": "global",
    "rewrite-list": "global",
    "domain-key-list": "global",
    "source-group": "global",
    "dns": "global",
    "aliases": "global",
    "signals": "global",
    "signals-filter": "global",
    "sparkpost-analytics": "global",
    "proxy": "global",
    "vault": "global",
    "transmissions-api": "global",
    "transmissions-api-listener": "global",
}
# Other names of blocks that a guide uses, and what all others call them.
OTHER_TAGS = {"suppression-list": "address-list"}
BARE_BLOCKS = """
bounce-category-patterns bounce-processor feedback-loop-processor email-patterns mx-rollup-list dns aliases signals
sparkpost-analytics vault transmissions-api
"""
# Of releases before 5.0, as a service that no longer exists needed them.
OLD_BLOCKS = "gm-imprinter"
BLOCKS_SINCE_5_0 = "signals signals-filter sparkpost-analytics proxy vault transmissions-api transmissions-api-listener"

# Stands in guides and pages for lines that are not shown.
LEFT_OUT = "..."

# Names that people write for lack of the right one, and what says what they mean.
MEANT = {
    "add-vmta": "virtual-mta",
    "admin-email": "postmaster",
    "backoff-mode": "mode=backoff in an <smtp-pattern-list>",
    "dkim-domain": "domain-key SELECTOR,DOMAIN,FILE",
    "dkim-key": "domain-key SELECTOR,DOMAIN,FILE",
    "dkim-private-key-file": "domain-key SELECTOR,DOMAIN,FILE",
    "dkim-selector": "domain-key SELECTOR,DOMAIN,FILE",
    "fields": "record-fields",
    "hostname": "host-name",
    "listen": "smtp-listener",
    "max-connections": "max-smtp-out",
    "require-tls": "require-starttls",
    "route-to": "smtp-hosts",
    "spool-dir": "<spool DIRECTORY>",
    "use-tls": "use-starttls",
}

# Forms that circulate on the web and that PowerMTA refuses, with what to do instead.
INVENTED = {
    "bounce-classification-file": "put the patterns into <bounce-category-patterns>",
    "routing-file": "use smtp-hosts in a <domain>",
    "map-header-to-column": "write map-header-to-field",
    "virtual-mta-pool-map": "use a <pattern-list> or default-virtual-mta in a <source>",
    "listen-on-tcp": "write smtp-listener ADDRESS:PORT",
    "domain-selection": "choose the pool in a <source> or a <pattern-list>",
    "retry-upon-5xx": "replies with 5xx always bounce; remove the line",
    "process-x-sender": "remove the line",
    "acct-file/header": "the header line is always written; remove the line",
    "feedback-loop-processor/forward": "use forward-unmatched-to or forward-errors-to",
    "domain/password": "write auth-password",
}
