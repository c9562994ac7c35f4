# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The command pmta-import: a PowerMTA configuration becomes an inventory.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_import as importing
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import MissingLibraryError, compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_load import load
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_files import LocalFiles
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_table import DEFAULT_VERSION, version

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

WHOLE, NOTES, NOTHING = 0, 1, 2
ROLES = Path(__file__).resolve().parents[2] / "roles"
_FLEET_FILES = {
    "fleet_pools": "pools", "fleet_entry": "pools", "fleet_domains": "domains", "fleet_isps": "isps",
    "fleet_applications": "applications",
}  # fmt: skip


class ImportRefusedError(Exception):
    """A sentence; nothing was written."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pmta-import",
        description="Writes the inventory for an existing PowerMTA server from its configuration with all that it"
        " includes. Says for each line that it could not carry over why. Needs no root and changes nothing else.",
        epilog="Exit status: 0 everything was carried over, 1 there are notes, 2 nothing was written.",
    )
    parser.add_argument("file", metavar="CONFIG", help="the server's configuration, such as a copy of /etc/pmta/config")
    parser.add_argument("--host", metavar="NAME", default="", help="of the sender in the inventory; else its host-name")
    parser.add_argument(
        "--output", metavar="DIRECTORY", type=Path, default=Path("inventory"), help="of the inventory, %(default)s"
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    parser.add_argument(
        "--version", default=DEFAULT_VERSION, metavar="VERSION", help="of PowerMTA, such as 5.0 or 5.0r1"
    )
    parser.add_argument(
        "--base", default="", metavar="DIRECTORY", help="stands for /etc/pmta where includes are looked for"
    )
    return parser


def main(arguments: Sequence[str] | None = None, out: TextIO = sys.stdout, errors: TextIO = sys.stderr) -> int:
    options = _parser().parse_args(arguments)
    try:
        notes, written = run(options, datetime.date.today().isoformat())
    except ImportRefusedError as refusal:
        errors.write(f"pmta-import: {refusal}\n")
        return NOTHING
    for note in notes:
        out.write(f"{note}\n".encode("utf-8", "backslashreplace").decode("utf-8"))
    errors.write(f"Written: {', '.join(map(str, written))}.{' See the notes.' if notes else ''}\n")
    return NOTES if notes else WHOLE


def run(options: argparse.Namespace, today: str) -> tuple[list[str], list[Path]]:
    if not HAS_YAML:
        raise ImportRefusedError(
            f"{sys.executable} has no PyYAML, which comes with Ansible. Run it with Ansible's Python."
        )
    try:
        version(options.version)
    except ValueError as error:
        raise ImportRefusedError(str(error)) from error
    files = LocalFiles(options.base)
    try:
        text = files.read(options.file)
    except OSError as error:
        reason = error.strerror or error
        raise ImportRefusedError(f"{options.file}: {reason}. Correct the name or its permissions.") from error
    config = check_text(text, options.file, options.version, files)
    broken = [str(finding) for finding in config.findings if finding.level == ERROR]
    found = importing.imported(config, shipped(), today)
    host = options.host or _host(config.root.last("host-name") or "")
    if not found.host["fleet_ips"]:
        raise ImportRefusedError(
            f"{options.file} has no virtual-MTA with an address in smtp-source-host, so nothing can be carried over."
        )
    texts = inventory(host, found)
    written = [options.output / path for path in texts]
    there = [str(path) for path in written if path.exists()]
    if there and not options.force:
        raise ImportRefusedError(f"{', '.join(there)} exist already. Choose another --output, or say --force.")
    for path, (_name, content) in zip(written, texts.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return [*broken, *map(str, found.notes), *_judged(host, found, today)], written


def _judged(host: str, found: importing.Inventory, today: str) -> list[str]:
    """What the fleet's own validation will say of the new inventory; Vault is supposed to hold the secrets."""
    defaults = {**_read("fleet/defaults/main/main.yml"), **_read("fleet/defaults/main/isps.yml")}
    secrets = {"password": "x", "password_hash": f"$6$x${'x' * 86}"}
    users = {name: {**entry, **secrets} for name, entry in found.fleet.get("fleet_applications", {}).items()}
    fleet = {**defaults, **found.fleet, "fleet_applications": users, "fleet_today": today}
    hosts = {host: {"ansible_host": host, "backend": "powermta", "fleet_ips": found.host["fleet_ips"]}}
    try:
        _compiled, problems = compile_fleet({"fleet": fleet, "hosts": hosts, "management": {}, "strays": {}})
    except MissingLibraryError:
        return []  # the first run of site.yml says it all
    return [f"inventory: {problem}" for problem in problems]


def _host(name: str) -> str:
    label = name.partition(".")[0].lower()
    return label if re.fullmatch(r"[a-z0-9-]+", label) else "mx1"


def inventory(host: str, found: importing.Inventory) -> dict[str, str]:
    """The files of an inventory by their paths."""
    hosts = {"senders": {"children": {"powermta": {"hosts": {host: None}}}}}
    files: dict[str, dict[str, Any]] = {"hosts.yml": hosts, f"host_vars/{host}.yml": found.host}
    for name, value in found.fleet.items():
        files.setdefault(f"group_vars/all/{_FLEET_FILES[name]}.yml", {})[name] = value
    return {path: _yaml(content) for path, content in sorted(files.items())}


def _yaml(content: dict[str, Any]) -> str:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    return f"---\n{text}"


def shipped() -> importing.Shipped:
    defaults = {**_read("fleet/defaults/main/main.yml"), **_read("fleet/defaults/main/isps.yml")}
    fleet, _problems = load({"fleet": defaults, "hosts": {}, "management": {}, "strays": {}})
    role = {key.partition("_")[2]: value for key, value in _read("powermta/defaults/main.yml").items()}
    own = _read("powermta/vars/main.yml")
    accounting = {f"/var/log/pmta/acct-{file['name']}.csv": file for file in own["__powermta_accounting"]}
    return importing.Shipped(fleet.isps, role, own["__powermta_classes"], own["__powermta_oversigned"], accounting)


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROLES / path).read_text(encoding="utf-8"))
    return found
