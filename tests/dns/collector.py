# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The collection of DMARC reports as its role sets it up: parsedmarc from PyPI, and the role's files in a directory."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.mailfleet.mta.plugins.action.generation import read_sources
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import render_tree

ROLE = Path(__file__).resolve().parents[2] / "roles/dmarc_reports"
HOME = "/var/lib/mailfleet-dmarc"
CACHE = Path(os.environ.get("MAILFLEET_CACHE", Path.home() / ".cache/mailfleet"))


def environment() -> Path:
    """Where parsedmarc is, installed once for all runs, in the version that the role installs."""
    version = yaml.safe_load((ROLE / "defaults/main.yml").read_text())["dmarc_reports_parsedmarc"]
    place = CACHE / "venvs" / f"parsedmarc-{version}-{sys.implementation.cache_tag}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / ".parsedmarc.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
            pip = [place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", f"parsedmarc=={version}"]
            subprocess.run(pip, check=True)
            (place / "complete").touch()
    return place


_SIGN = """
import base64, dkim, json, sys, types
fields_as_usual = dkim.DKIM.gen_header
for mail in json.load(sys.stdin):
    if mail["at"]:
        expiry = (b"x", b"%d" % (mail["at"] + 86400))
        dkim.time = types.SimpleNamespace(time=lambda: mail["at"])
        dkim.DKIM.gen_header = lambda self, fields, *more: fields_as_usual(self, [expiry, *fields], *more)
    raw, key = base64.b64decode(mail["raw"]), mail["key"].encode()
    names = (mail["selector"].encode(), mail["domain"].encode())
    field = dkim.sign(raw, *names, key, canonicalize=(b"relaxed", b"relaxed"), length=mail["length"])
    print(base64.b64encode(field).decode())
"""


def signed(
    mails: list[tuple[bytes, str]], key: str, selector: str = "mf1", length: bool = False, at: int = 0
) -> list[bytes]:
    """Each mail with a signature of its domain, made by the dkimpy that comes with parsedmarc; at a time, for a day."""
    own = {"key": key, "selector": selector, "length": length, "at": at}
    given = [{"raw": base64.b64encode(raw).decode(), "domain": domain, **own} for raw, domain in mails]
    command = [environment() / "bin/python", "-c", _SIGN]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return [base64.b64decode(field) + raw for field, (raw, _domain) in zip(done.stdout.split(), mails, strict=True)]


class Collector:
    """`more` are the variables of the role's templates that differ from the usual ones."""

    def __init__(self, directory: Path, imap: dict[str, Any], port: int = 53, **more: Any) -> None:
        self.home, self.live = directory / "home", directory / "live"
        for name in ("drop", "work", "incoming", "archive"):
            (self.home / name).mkdir(parents=True)
        given = {"venv": str(environment()), "imap": imap, "maildir": "", "schedule": "daily", "mailbox": True}
        given |= {"online": True, "verify": True, "reporters": [], "resolver": "127.0.0.1", **more}
        tree = render_tree(read_sources(str(ROLE / "templates/tree")), given, {})
        tree |= {f"sorter/{name}": text for name, text in read_sources(str(ROLE / "files/sorter")).items()}
        tree["sorter.json"] = tree["sorter.json"].replace('"port": 53', f'"port": {port}')
        for name, text in tree.items():
            path = self.live / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(HOME, str(self.home)))
        (self.live / "bin/collect").chmod(0o755)

    @property
    def incoming(self) -> str:
        return str(self.home / "incoming")

    def collect(self, trusted: Path) -> subprocess.CompletedProcess[str]:
        """As the service does it; the CA file stands for those of the host."""
        given = {**os.environ, "CREDENTIALS_DIRECTORY": str(self.live), "SSL_CERT_FILE": str(trusted), "TZ": "UTC"}
        command = [self.live / "bin/collect"]
        return subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)

    def archived(self) -> list[str]:
        return sorted(path.name for path in (self.home / "archive").rglob("*") if path.is_file())
