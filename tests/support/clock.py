# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Sets the wall clock of a lab host while its processes run.

A lab host has the kernel's clock, as all of this machine. So every process that is started on the host loads a library
(clock.c, by ld.so.preload) that adds seconds to it, the same for all and from one moment to the next. libfaketime does
not serve: it is told what to do by environment variables, which Postfix's master removes, and without them each process
follows when it comes to it, and clocks that only count and the times of files are changed, too. The times that the
kernel gives to files stay true here; so the clock is only ever set to what it shows or later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import lab

PLACE = "/usr/local/lib/lab-clock"
AGENT = ("steer", "ledger", "policy", "metrics")
_UNITS = " ".join(f"{name}.service" for name in ("rspamd", *(f"mailfleet-{name}" for name in AGENT)))
# The mail server's, one for each pool, and the agent's.
_SERVICES = f"$(echo {_UNITS}; systemctl list-units --plain --no-legend 'mailfleet-postfix@*' | cut -d' ' -f1)"
_PREPARE = f"""set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update </dev/null >/dev/null; apt-get -qy install tcc </dev/null >/dev/null
mkdir -p {PLACE}
printf '\\0\\0\\0\\0\\0\\0\\0\\0' > {PLACE}/ahead
tcc -nostdlib -shared -DPAGE='"{PLACE}/ahead"' -o {PLACE}/clock.so -
# What this compiler makes asks for a stack that may run code, which some units forbid.
for name in {" ".join(AGENT)}; do
    mkdir -p /run/systemd/system/mailfleet-$name.service.d
    printf '[Service]\\nMemoryDenyWriteExecute=no\\n' > /run/systemd/system/mailfleet-$name.service.d/lab-clock.conf
done
systemctl daemon-reload
echo {PLACE}/clock.so > /etc/ld.so.preload
systemctl restart {_SERVICES}
"""
_REMOVE = f"""rm -f /etc/ld.so.preload /run/systemd/system/mailfleet-*.service.d/lab-clock.conf
systemctl daemon-reload
systemctl restart {_SERVICES}
rm -rf {PLACE}
apt-get -qy purge tcc >/dev/null
"""


class Clock:
    def __init__(self, host: str) -> None:
        self._host = host

    def set(self, ahead: int) -> None:
        """So many seconds ahead of the truth, now."""
        assert ahead >= 0
        write = f"import os, struct; os.pwrite(os.open('{PLACE}/ahead', os.O_WRONLY), struct.pack('q', {ahead}), 0)"
        lab.ssh(self._host, f'python3 -c "{write}"')

    def aware(self) -> dict[str, bool]:
        """The services of the mail server and the agent: whether all their processes notice."""
        look = (
            f"cd /sys/fs/cgroup; for unit in {_SERVICES}; do aware=; group=$(systemctl show -P ControlGroup $unit);"
            ' for pid in $(cat ./"$group"/cgroup.procs ./*/"$group"/cgroup.procs 2>/dev/null); do'
            f" if grep -qs {PLACE}/clock.so /proc/$pid/maps; then aware=${{aware:-yes}};"
            ' elif [ -e /proc/$pid ]; then aware=no; fi; done; echo "$unit ${aware:-no}"; done'
        )
        return {unit: aware == "yes" for unit, aware in map(str.split, lab.ssh(self._host, look).splitlines())}


@contextmanager
def settable(host: str) -> Iterator[Clock]:
    """The host's mail server and agent start anew before and after."""
    try:
        lab.lab("run", "ssh", host, _PREPARE, stdin=Path(__file__).with_name("clock.c").read_text())
        yield Clock(host)
    finally:
        lab.ssh(host, _REMOVE)
