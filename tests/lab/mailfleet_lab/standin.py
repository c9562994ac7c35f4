# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The Debian package of the PowerMTA stand-in, built when its sources changed."""

from __future__ import annotations

import shutil
from pathlib import Path

from .cache import built
from .settings import HERE
from .shell import run
from .ui import step

SOURCES = HERE.parent / "powermta_standin"
UTILS = Path("plugins/module_utils")
# The strict reader belongs to the collection; the package brings it along.
READER = "_powermta_*.py"
LIBRARY = Path("usr/lib/powermta-standin")
PACKAGE = "powermta-standin.deb"


def _files() -> dict[str, Path]:
    """What the package holds: path in it, and file of this checkout."""
    checkout = HERE.parents[2]
    package = SOURCES / "package"
    found = {str(path.relative_to(package)): path for path in package.rglob("*") if path.is_file()}
    for path in (SOURCES / "powermta_standin").glob("*.py"):
        found[str(LIBRARY / "powermta_standin" / path.name)] = path
    for path in (checkout / UTILS).glob(READER):
        found[str(LIBRARY / "ansible_collections/mailfleet/mta" / UTILS / path.name)] = path
    for name in ("README.md", "license.example"):
        found[f"usr/share/doc/powermta-standin/{name}"] = SOURCES / name
    return found


def package() -> Path:
    """The path of the built package."""
    files = _files()

    def build(root: Path) -> None:
        step("standin", "building the package")
        tree = root.parent / "tree"
        for name, path in files.items():
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755 if "/sbin/" in name or name == "DEBIAN/postinst" else 0o644)
        run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, root / PACKAGE])
        shutil.rmtree(tree)

    return built("standins", "powermta", {name: path.read_text() for name, path in files.items()}, build) / PACKAGE
