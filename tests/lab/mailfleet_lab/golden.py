# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The golden receiver: Postfix and rspamd, software that others run, say what they think of our mail. Pure."""

from __future__ import annotations

from .hostfiles import File
from .settings import DNS_PRIMARY, GOLDEN_ADDRESS, GOLDEN_DOMAIN, REPORTS_DOMAIN

HOST = f"mx.{GOLDEN_DOMAIN}"
UNITS = ("postfix", "rspamd", "redis-server")
INBOX = "golden/inbox"

LISTENS = (f"{GOLDEN_ADDRESS}/25", "127.0.0.1/11332")

MAIN_CF = f"""compatibility_level = 3.6
myhostname = {HOST}
inet_interfaces = {GOLDEN_ADDRESS}, 2001:db8:203::100
mydestination =
mynetworks =
# The personas bring copies of what they accepted in the name of its sender.
smtpd_authorized_xclient_hosts = 203.0.113.0/24, 192.0.2.0/24
smtp_bind_address = {GOLDEN_ADDRESS}
maillog_file = /var/log/mail.log
smtputf8_enable = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/lab-tls.pem
smtpd_tls_received_header = yes
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 100
smtpd_milters = inet:127.0.0.1:11332
milter_default_action = tempfail
virtual_mailbox_domains = regexp:/etc/postfix/domains
virtual_mailbox_base = /srv/lab/golden
virtual_mailbox_maps = static:inbox/
virtual_minimum_uid = 8
virtual_uid_maps = static:8
virtual_gid_maps = static:8
"""
# What judges by looking at the internet, or by learning, has nothing to say here; what is left judges the sender.
SILENT = (
    "antivirus", "arc", "asn", "bayes_expiry", "clustering", "dkim_signing", "elastic", "emails", "external_services",
    "force_actions", "forged_recipients", "fuzzy_check", "greylist", "hfilter", "history_redis", "known_senders",
    "maillist", "metadata_exporter", "metric_exporter", "mid", "mime_types", "multimap", "mx_check", "neural",
    "phishing", "ratelimit", "rbl", "regexp", "replies", "reputation", "settings", "spamassassin", "spamtrap",
    "surbl", "trie", "url_redirector", "whitelist",
)  # fmt: skip
RSPAMD = {
    # Its compiled patterns cost five seconds at a first start; kept outside the host they outlive a rebuild.
    "options.inc": f"""dns {{ nameserver = ["{DNS_PRIMARY}"]; timeout = 1s; retransmits = 2; }}
local_addrs = ["127.0.0.0/8"];
filters = "dkim";
hs_cache_dir = "/srv/lab/rspamd-cache";
""",
    "actions.conf": "reject = 1000;\nadd_header = 900;\ngreylist = 800;\n",
    "milter_headers.conf": """use = ["authentication-results"];
skip_local = false;
skip_authenticated = false;
authenticated_headers = [];
""",
    # A test that changes a record asks what is published now, not a minute ago.
    "spf.conf": "spf_cache_size = 0;\n",
    "dkim.conf": "dkim_cache_size = 0;\n",
    "redis.conf": 'servers = "127.0.0.1";\n',
    "dmarc.conf": f"""reporting {{
    enabled = true;
    email = "dmarc@{GOLDEN_DOMAIN}";
    domain = "{GOLDEN_DOMAIN}";
    org_name = "Golden";
    smtp = "{GOLDEN_ADDRESS}";
}}
""",
    "worker-proxy.inc": """bind_socket = "127.0.0.1:11332";
milter = yes;
timeout = 60s;
upstream "local" { default = yes; self_scan = yes; }
count = 1;
""",
    "worker-normal.inc": "enabled = false;\n",
    "worker-controller.inc": 'bind_socket = "127.0.0.1:11334";\n',
    "logging.inc": 'type = "file";\nfilename = "/var/log/rspamd/rspamd.log";\nlevel = "notice";\n',
    "classifier-bayes.conf": "enabled = false;\n",
    **{f"{module}.conf": "enabled = false;\n" for module in SILENT},
}


def files() -> dict[str, File]:
    pattern = "".join(
        rf"/(^|\.){name.replace('.', chr(92) + '.')}$/ any" + "\n" for name in (GOLDEN_DOMAIN, REPORTS_DOMAIN)
    )
    return {
        "etc/postfix/main.cf": File(MAIN_CF),
        "etc/postfix/domains": File(pattern),
        "etc/systemd/system/rspamd.service.d/lab.conf": File(
            "[Service]\nExecStartPre=+install -d -o _rspamd -g _rspamd /srv/lab/rspamd-cache\n"
        ),
        "etc/systemd/system/postfix@.service.d/lab.conf": File(
            "[Service]\nExecStartPre=/opt/lab/make-certificate\n"
            "ExecStartPre=install -d -o mail -g mail /srv/lab/golden\n"
        ),
        **{f"etc/rspamd/local.d/{name}": File(text) for name, text in RSPAMD.items()},
    }
