# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A real Dovecot that serves one mailbox by IMAP over TLS, on a loopback address and a high port."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.dns.program import Program

DOVECOT = shutil.which("dovecot", path="/usr/sbin:/sbin:/usr/local/sbin")
ADDRESS, USER, PASSWORD = "127.0.0.1", "seed@example.net", 'not a secret, 100% "odd" \\ and never shown;#'

_COMMON = """
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log
protocols = imap
listen = {address}
ssl = required
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
# Dovecot 2.4 reads no configuration of 2.3 and the other way round.
_BEFORE_2_4 = """
ssl_cert = <{directory}/cert.pem
ssl_key = <{directory}/key.pem
mail_location = maildir:{directory}/Maildir
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {directory}/users
}}
userdb {{
  driver = static
  args = home={directory}
}}
"""
_FROM_2_4 = """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = {directory}/cert.pem
ssl_server_key_file = {directory}/key.pem
mail_driver = maildir
mail_path = {directory}/Maildir
mailbox_list_layout = maildir++
passdb passwd-file {{
  passwd_file_path = {directory}/users
}}
userdb static {{
  fields {{
    home = {directory}
  }}
}}
"""


class Dovecot(Program):
    """All of it belongs to one user, who is not root: no Dovecot lets root read mail."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.owner = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot-"))  # pytest's own directories are closed to nobody
        self._number = 0
        version = subprocess.run([str(DOVECOT), "--version"], capture_output=True, text=True, check=True).stdout
        config = (_BEFORE_2_4 if version.startswith("2.3.") else _FROM_2_4) + _COMMON
        group = grp.getgrgid(self.owner.pw_gid).gr_name
        given = {"directory": self.directory, "address": ADDRESS, "port": port, "group": group}
        (self.directory / "dovecot.conf").write_text(config.format(user=self.owner.pw_name, **given))
        (self.directory / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        self.make_certificate()
        self.make_folder("INBOX")

    @property
    def certificate(self) -> Path:
        return self.directory / "cert.pem"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    @property
    def place(self) -> dict[str, Any]:
        """Where the mailbox is, as an operator writes it."""
        return {"host": ADDRESS, "port": self.port, "user": USER, "password": PASSWORD}

    def make_certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", "/CN=mailbox", "-addext", f"subjectAltName=IP:{ADDRESS}"]
        command += ["-out", str(self.certificate), "-keyout", str(self.directory / "key.pem")]
        subprocess.run(command, check=True, capture_output=True)

    def folder(self, name: str) -> Path:
        """Levels of a name are separated by dots."""
        return self.directory / "Maildir" / ("" if name == "INBOX" else f".{name}")

    def make_folder(self, name: str) -> None:
        for part in ("cur", "new", "tmp"):
            (self.folder(name) / part).mkdir(parents=True)
        self._own(self.directory)

    def deliver(self, raw: bytes, at: float, folder: str = "INBOX") -> None:
        """A new message that came at this time."""
        self._number += 1
        path = self.folder(folder) / "tmp" / f"{int(at)}.{self._number}.test"
        path.write_bytes(raw)
        os.utime(path, (at, at))
        self._own(path)
        path.rename(self.folder(folder) / "new" / path.name)

    def messages(self, folder: str) -> list[bytes]:
        return [path.read_bytes() for part in ("new", "cur") for path in sorted((self.folder(folder) / part).glob("*"))]

    def _own(self, top: Path) -> None:
        for path in (top, *top.rglob("*")):
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    def start(self) -> Dovecot:
        command = [str(DOVECOT), "-F", "-c", str(self.directory / "dovecot.conf")]
        other = {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []} if not os.geteuid() else {}
        with (self.directory / "stderr").open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.directory, **other)
        self.wait_until_listens(ADDRESS, self.port, self.directory / "stderr")
        return self

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.directory)
