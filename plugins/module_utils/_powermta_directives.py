# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The directives of PowerMTA 5.0: the names of every scope by the type of their value.

Provenance: facts taken once, by a script, from the project's table of directives, which was compiled from the vendor's
user guides for 5.0r1 and for a late 5.0 release. The scope `domain` stands for <domain> at every level.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

NAMES = """
[global]
alias: alias
api-key: http-api-key
boolean: always-allow-relaying dummy-smtp-await-slot dummy-smtp-has-chunking dummy-smtp-has-mailmerge
  dummy-smtp-has-pipelining dummy-smtp-has-verp dummy-smtp-log-blacklist dummy-smtp-update-stats
  http-csrf-protection http-log-data http-log-requests http-log-tls http-redirect-to-https http-tls-allow-sslv3
  http-tls-allow-tlsv1 http-tls-allow-tlsv1.1 http-tls-allow-tlsv1.2 http-tls-allow-tlsv1.3 log-auto-rotation
  log-file-world-readable mailmerge-expands-undefined-variables pickup-remove-dot relay-debug run-as-root
  smtp-await-slot smtp-server-tls-allow-sslv3 smtp-server-tls-allow-tlsv1 smtp-server-tls-allow-tlsv1.1
  smtp-server-tls-allow-tlsv1.2 smtp-server-tls-allow-tlsv1.3 spool-delete-corrupted sync-msg-create sync-msg-update
  thread-reuse track-time-first-attempt
cidr: http-mgmt-source no-http-mgmt-source
cidr-then-integer: ip-connection-limit
domain-key: domain-key
domain-macro: domain-macro
domain-pattern: relay-domain
duration: pickup-retry-interval
email: postmaster
email-or-regex: relay-address
enable-signals: enable-signals
enum: http-default-sort-order
host-name: domain-suffix host-name
http-access: http-access
include: include
integer: dummy-smtp-blacklist-bounce-percent dummy-smtp-latency edns-udp-length host-id http-default-max-items
  http-strict-transport-security-max-age http-tls-dh-key-length log-rotate max-memory-usage-percent
  smtp-server-tls-dh-key-length spool-min-free-space thread-max-priority thread-min-priority total-max-file
  total-max-smtp-in total-max-smtp-out
integer-or-auto: spool-max-recipients
ip: dummy-smtp-ip name-server smtp-ip smtp-source-ip
mx-pattern-then-integer: mx-connection-limit
name-list: use-proxy
path: dsn-failed-body-template-from dummy-smtp-blacklist http-tls-ca-file include-headers-from log-file
  smtp-server-tls-ca-file spool
path-then-optional-password: smtp-server-tls-certificate
pickup: pickup
port: dummy-smtp-port http-mgmt-port smtp-port
size-or-unlimited: pmc-acct-min-free-space
smtp-listener: smtp-listener
smtp-proxy-source-host: smtp-proxy-source-host
smtp-source-host: smtp-source-host
string: custom-dsn-from-header dsn-failed-from-template dsn-failed-subject-template
  dummy-smtp-blacklist-bounce-method smtp-client-tls-ciphers smtp-greeting volume-audit-api-key
tls-cipher-list: http-tls-ciphers http-tls-tlsv1.3-ciphersuites smtp-server-tls-ciphers
  smtp-server-tls-v1.3-ciphersuites
vmta-name: invalid-virtual-mta-fallback
[virtual-mta]
data-rate: max-smtp-data-volume-rate
domain-key: domain-key
enable-signals: enable-signals
host-name: host-name
include: include
integer: proxy-protocol
integer-or-unlimited: max-smtp-out
ip: smtp-source-ip
name: rewrite-list
name-list: use-proxy
path: include-headers-from
rate: max-smtp-msg-rate
smtp-proxy-source-host: smtp-proxy-source-host
smtp-source-host: auto-cold-virtual-mta smtp-source-host
vmta-name: cold-virtual-mta
[virtual-mta-pool]
data-rate: max-smtp-data-volume-rate
domain-key: domain-key
domain-pattern: domain
enable-signals: enable-signals
integer-or-unlimited: max-smtp-out
name: rewrite-list
path: include-headers-from
rate: max-smtp-msg-rate
vmta-name: cold-virtual-mta virtual-mta
[source]
boolean: accept-invalid-recipients add-message-id-header add-received-header add-x-virtual-mta-header allow-auth
  allow-chunking allow-empty-x-virtual-mta allow-mailmerge allow-smtputf8 allow-starttls
  allow-unencrypted-plain-auth always-allow-api-submission always-allow-relaying auto-qualify-domain
  broken-auth-clients check-dkim-inbound check-iprev-inbound check-mfrom-inbound check-spf-inbound
  check-spf-inbound-best-guess disconnect-on-transient-error hide-message-source log-commands log-connections
  log-data log-tls process-x-dkim-key process-x-dkim-options process-x-envid process-x-job process-x-schedule
  process-x-virtual-mta reject-invalid-virtual-mta reject-iprev-check-fail reject-iprev-check-permerror
  reject-iprev-check-temperror reject-spf-check-fail reject-spf-check-permerror reject-spf-check-temperror
  remove-received-headers require-auth require-starttls-before-auth retain-x-dkim-key retain-x-dkim-options
  retain-x-job retain-x-schedule retain-x-virtual-mta smtp-service suppress-local-dsn too-many-rcpts-fails-message
  trace-dkim-check trace-iprev-check trace-spf-check verp-default
default-virtual-mta: default-virtual-mta
duration: smtp-command-timeout smtp-data-timeout
email: bcc
enum: add-date-header date-header-time dsn-return-default
header-list: remove-header
header-name: jobid-header
include: include
integer: check-spf-inbound-max-void-lookups max-message-hops
integer-or-unlimited: max-rcpt-per-message
name: pattern-list rewrite-list source-group
name-list: suppression-lists
rate: smtp-max-auth-failure-rate
size-or-unlimited: max-message-size
string: jobid-prefix
[domain]
boolean: 421-means-mx-unavailable add-gm-token add-x-msys-api-header allow-cancel-during-transfer
  allow-priority-interruption allow-priority-interruption-during-transfer assume-delivery-upon-data-termination-timeout
  backoff-to-normal-after-delivery backoff-upon-all-sources-disabled bounce-upon-5xx-greeting
  bounce-upon-pix-transfer-failure bounce-upon-transfer-failure check-mfrom-outbound check-pra-outbound
  check-spf-outbound deliver-local-dsn disable-mx-rollup discard-as-bounce dk-sign dkim-add-body-limit
  dkim-add-timestamp ignore-8bitmime ignore-chunking ignore-dsn ignore-pipelining log-commands log-connections
  log-data log-disabled-ips log-messages log-resolution log-tls log-transfer-failures macro-variables-preserve-case
  pix-bug-workaround replace-smtp-421-service-response require-starttls retry-upon-new-mail reuse-ssl-session
  second-dkim-add-body-limit second-dkim-add-timestamp smtp-421-means-mx-unavailable smtp-553-means-invalid-mailbox
  smtp-tls-allow-sslv3 smtp-tls-allow-tlsv1 smtp-tls-allow-tlsv1.1 smtp-tls-allow-tlsv1.2 smtp-tls-allow-tlsv1.3
  sparkpost-sandbox track-recipient-events use-dane use-mta-sts use-starttls use-unencrypted-plain-auth
boolean-or-duration-or-never: bounce-upon-no-mx
cidr-then-data-rate: source-ip-max-data-volume-rate
cidr-then-integer: source-ip-max-smtp-out
cidr-then-rate: source-ip-max-connect-rate source-ip-max-msg-rate
command: command
daily-limit-list: max-cold-virtual-mta-msg
data-rate: backoff-max-data-volume-rate max-data-volume-rate
dkim-identity: dkim-identity dkim-identity-fallback second-dkim-identity second-dkim-identity-fallback
domain-name: queue-to
duration: bounce-after connect-timeout connection-idle-timeout data-send-timeout retry-after-dns-error
  retry-recipients-after smtp-data-termination-timeout smtp-greeting-timeout smtp-multiple-line-response-timeout
  smtp-out-rampup-interval
duration-list: backoff-retry-after retry-after
duration-or-never: backoff-to-normal-after dkim-expire-after notify-of-delay-every reenable-source-ip-after
  second-dkim-expire-after
email: bcc-upon-delivery bounce-address
email-list: backoff-notify disabled-source-ip-notify
enum: dkim-algorithm dkim-body-canon dkim-headers-canon dkim-sign dsn-format file-format second-dkim-algorithm
  second-dkim-body-canon second-dkim-headers-canon second-dkim-sign type
header-list: dkim-disallow-adding-headers dkim-headers remove-header second-dkim-disallow-adding-headers
  second-dkim-headers
include: include
integer: backoff-max-smtp-out delivery-priority max-events-recorded max-rcpt-per-transaction max-smtp-out
  mx-connection-attempts queue-priority
integer-or-unlimited: backoff-max-msg-per-hour max-errors-per-connection max-msg-per-connection max-msg-per-hour
  max-rcpt-per-message max-smtp-out-per-source-ip
name: smtp-pattern-list
path: file-destination http-delivery-extra-headers smtp-tls-ca-file
path-then-optional-password: smtp-client-certificate
port: default-smtp-port
rate: backoff-max-connect-rate backoff-max-msg-rate max-connect-rate max-msg-rate
record-type-list: disable-acct-records
secret: auth-password
smtp-hosts: smtp-hosts
string: auth-username dkim-query-method route second-dkim-query-method sparkpost-ip-pool
tls-cipher-list: smtp-tls-ciphers smtp-tls-tlsv1.3-ciphersuites
url: http-delivery-url
vmta-or-pool-name: backoff-reroute-to-virtual-mta reroute-to-virtual-mta
[source-group]
integer-or-unlimited: max-smtp-in reserved-smtp-in
[smtp-user]
enum: authentication-method
name: source
path: tls-certificate
secret: password
[smtp-listener]
boolean: await-slot immediate-tls tls-allow-sslv3 tls-allow-tlsv1 tls-allow-tlsv1.1 tls-allow-tlsv1.2
  tls-allow-tlsv1.3
integer: tls-dh-key-length
name: source
path: tls-ca-file
path-then-optional-password: tls-certificate
tls-cipher-list: tls-ciphers tls-tlsv1.3-ciphersuites
[acct-file]
boolean: count-moved-records http-webhook-log-verbose iso-times sync world-readable
delete-after: delete-after
duration: http-webhook-connect-timeout http-webhook-io-timeout http-webhook-max-interval move-interval
  retry-interval write-timeout
enum: http-webhook-transfer-encoding
enum-then-optional-string: privacy-policy
map-header-to-field: map-header-to-field
path: http-webhook-ca-file http-webhook-certificate http-webhook-extra-headers move-to
queue-filter: queue-filter
record-fields: record-fields
record-type-list: records
size: max-size
string: user-string
url: http-webhook-url
[spool]
boolean: delete-file-holders deliver-only
integer: priority
size: min-free-space
[smtp-pattern-list]
include: include
reply: reply
[pattern-list]
header-line: header
pattern-line: mail-from rcpt-to
[bounce-processor]
boolean: deliver-email deliver-matched-email deliver-unmatched-email
email: forward-errors-to forward-unmatched-to
[feedback-loop-processor]
boolean: deliver-email deliver-matched-email deliver-unmatched-email
email: forward-errors-to forward-unmatched-to
[address-list]
domain-pattern: domain
email-or-regex: address
path: address-file
[email-patterns]
boolean: log-match-info
path: body-pattern-file
[mx-rollup-list]
mx: mx
[rewrite-list]
address-pair: mail-from
domain-pair: from-domain
[domain-key-list]
domain-key: domain-key
[dns]
duration: precached-refresh-interval
integer: precached-max-domains
path: precached-domains-file
[aliases]
alias: alias
[signals]
api-key: api-key
boolean: engagement-tracking log-verbose process-x-sp-subaccount-id retain-x-sp-subaccount-id
enum: privacy-policy
header-name: custom-message-id-header
size: min-free-space
url: upload-url
[signals-filter]
signals-line: sender-or-from
[proxy]
integer: protocol-version
proxy-client: client
proxy-server: server
[vault]
duration: cache-ttl
secret: access-token
url: server-url
[transmissions-api]
api-key: api-key
boolean: log-data log-requests log-tls
[transmissions-api-listener]
boolean: tls-allow-sslv3 tls-allow-tlsv1 tls-allow-tlsv1.1 tls-allow-tlsv1.2 tls-allow-tlsv1.3
integer: tls-dh-key-length
path: tls-ca-file
path-then-optional-password: tls-certificate
tls-cipher-list: tls-ciphers tls-tlsv1.3-ciphersuites
"""
