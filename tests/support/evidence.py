# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the senders of the lab say of themselves, for the report of a test that failed."""

from __future__ import annotations

import subprocess

from tests.support import lab
from tests.support.backends import groups

SECONDS = 20
QUESTIONS = r"""
date; uptime; systemctl list-units --failed --no-legend --plain; ip -brief address
mailfleet status
for pool in /etc/postfix-*; do
    echo "--- $pool: what waits"; postqueue -c "$pool" -p | tail -n 20
done
for log in /var/log/postfix/postfix-*.log /var/log/pmta/log; do
    [ -f "$log" ] && { echo "--- $log"; tail -n 25 "$log"; }
done
echo '--- journal'; journalctl --no-pager -q -n 60 -u 'mailfleet-*'; journalctl --no-pager -q -n 20 -p warning
"""


def of_senders() -> list[tuple[str, str]]:
    """Title and text for each sender of the inventory; one that does not answer says so."""
    found = []
    for host in sorted(host for hosts in groups(lab.INVENTORY).values() for host in hosts):
        try:
            words = [str(lab.LAB), "run", "ssh", host, f"{{ {QUESTIONS} }} 2>&1 | cut -c1-300"]
            text = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS).stdout
        except subprocess.TimeoutExpired:
            text = f"no answer within {SECONDS} s"
        found.append((f"{host} after the failure", text))
    return found
