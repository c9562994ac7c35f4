# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The command pmta-import: configurations of PowerMTA servers become an inventory.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TextIO

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_import as importing
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import MissingLibraryError, compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_load import load
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_files import LocalFiles
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_join import Fleet, join
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, Config
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_table import DEFAULT_VERSION, version

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

WHOLE, NOTES, NOTHING = 0, 1, 2
ROLES = Path(__file__).resolve().parents[2] / "roles"
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)")
_FLEET_FILES = {
    "fleet_pools": "pools", "fleet_entry": "pools", "fleet_domains": "domains", "fleet_isps": "isps",
    "fleet_applications": "applications",
}  # fmt: skip


class ImportRefusedError(Exception):
    """A sentence; nothing was written."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pmta-import",
        description="Writes the inventory for existing PowerMTA servers from their configurations with all that these"
        " include. Says for each line that it could not carry over why. Needs no root and changes nothing else.",
        epilog="Exit status: 0 everything was carried over, 1 there are notes, 2 nothing was written.",
    )
    parser.add_argument(
        "servers",
        metavar="[NAME=]CONFIG",
        nargs="+",
        help="a server's configuration, or the copy of its /etc/pmta, with the server's name in the inventory, which is"
        " the first part of its host-name otherwise",
    )
    parser.add_argument("--host", metavar="NAME", default="", help="the name of the only server")
    parser.add_argument(
        "--output", metavar="DIRECTORY", type=Path, default=Path("inventory"), help="of the inventory, %(default)s"
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    parser.add_argument(
        "--version", default=DEFAULT_VERSION, metavar="VERSION", help="of PowerMTA, such as 5.0 or 5.0r1"
    )
    parser.add_argument(
        "--base", default="", metavar="DIRECTORY", help="stands for /etc/pmta where includes of a file are looked for"
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
    if options.host and len(options.servers) > 1:
        raise ImportRefusedError("--host names the only server. Write NAME=CONFIG for each of several.")
    known, found, notes = shipped(), {}, []
    for word in options.servers:
        name, config = _configuration(word, options)
        one = importing.imported(config, known, today)
        if not one.host["fleet_ips"]:
            raise ImportRefusedError(
                f"{config.root.file} has no virtual-MTA with an address in smtp-source-host, "
                "so nothing can be carried over."
            )
        if name in found:
            raise ImportRefusedError(f"two servers are called {name}. Write NAME=CONFIG for each.")
        found[name] = one
        notes += [str(finding) for finding in config.findings if finding.level == ERROR]
        notes += map(str, one.notes)
    joined = join(found, known.isps)
    texts = inventory(joined)
    written = [options.output / path for path in texts]
    there = [str(path) for path in written if path.exists()]
    if there and not options.force:
        raise ImportRefusedError(f"{', '.join(there)} exist already. Choose another --output, or say --force.")
    for path, (_name, content) in zip(written, texts.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    notes += [f"inventory: {conflict}" for conflict in joined.conflicts]
    return [*notes, *_judged(joined, today), *_left(options.output, texts)], written


def _configuration(word: str, options: argparse.Namespace) -> tuple[str, Config]:
    """What [NAME=]CONFIG names; a directory is a copy of /etc/pmta."""
    named = None if Path(word).exists() else _NAMED.match(word)
    name, path = (named[1], named[2]) if named else (options.host, word)
    base = path if Path(path).is_dir() else options.base
    path = str(Path(path, "config")) if Path(path).is_dir() else path
    files = LocalFiles(base)
    try:
        text = files.read(path)
    except OSError as error:
        reason = error.strerror or error
        raise ImportRefusedError(f"{path}: {reason}. Correct the name or its permissions.") from error
    config = check_text(text, path, options.version, files)
    return name or _host(config.root.last("host-name") or ""), config


def _judged(joined: Fleet, today: str) -> list[str]:
    """What the fleet's own validation will say of the new inventory; Vault is supposed to hold the secrets."""
    defaults = {**_read("fleet/defaults/main/main.yml"), **_read("fleet/defaults/main/isps.yml")}
    secrets = {"password": "x", "password_hash": f"$6$x${'x' * 86}"}
    users = {name: {**entry, **secrets} for name, entry in joined.fleet.get("fleet_applications", {}).items()}
    fleet = {**defaults, **joined.fleet, "fleet_applications": users, "fleet_today": today}
    hosts = {
        host: {"ansible_host": host, "backend": "powermta", "fleet_ips": own["fleet_ips"]}
        for host, own in joined.hosts.items()
    }
    try:
        _compiled, problems = compile_fleet({"fleet": fleet, "hosts": hosts, "management": {}, "strays": {}})
    except MissingLibraryError:
        return []  # the first run of site.yml says it all
    return [f"inventory: {problem}" for problem in problems]


def _left(output: Path, written: Collection[str]) -> list[str]:
    """Files by the names that imports write, but not this one. They may be the user's own, so that they stay."""
    does = {"group_vars/powermta.yml": "still sets the role's options on every PowerMTA server"}
    for name, file in _FLEET_FILES.items():
        path = f"group_vars/all/{file}.yml"
        does[path] = f"{does[path]} and {name}" if path in does else f"still sets {name}"
    for own in output.glob("host_vars/*.yml"):
        does[f"host_vars/{own.name}"] = f"holds as soon as a host {own.stem} is in the inventory"
    return [
        f"{output / path} is not of this import, and {effect}. Remove it if it is from an earlier import."
        for path, effect in sorted(does.items())
        if path not in written and (output / path).exists()
    ]


def _host(name: str) -> str:
    label = name.partition(".")[0].lower()
    return label if re.fullmatch(r"[a-z0-9-]+", label) else "mx1"


def inventory(joined: Fleet) -> dict[str, str]:
    """The files of an inventory by their paths."""
    senders = {"senders": {"children": {"postfix": {}, "powermta": {"hosts": dict.fromkeys(joined.hosts)}}}}
    files: dict[str, dict[str, Any]] = {"hosts.yml": senders}
    files.update({f"host_vars/{host}.yml": own for host, own in joined.hosts.items()})
    if joined.senders:
        files["group_vars/powermta.yml"] = joined.senders
    for name, value in joined.fleet.items():
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
