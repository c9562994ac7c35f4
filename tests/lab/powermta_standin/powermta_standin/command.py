# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The command pmta."""

from __future__ import annotations

import json
import socket
import sys

from . import VERSION, layout
from .configuration import RefusedError, load, load_licence

# As in control, which only the daemon needs to load.
SOCKET = "/run/pmta/control.sock"


def main(words: list[str]) -> int:
    form = next((word for word in words if word in layout.FORMATS), "")
    plain = [word for word in words if word not in layout.FORMATS]
    try:
        if plain == ["show", "version"]:
            print(layout.show({"version": f"PowerMTA v{VERSION} (stand-in for tests)"}, form))
            return 0
        if plain == ["show", "license"]:
            print(layout.show({"license": load_licence()}, form))
            return 0
        if plain == ["test", "config"]:
            load()
            print("Configuration is valid.")
            return 0
    except RefusedError as problem:
        print(problem, file=sys.stderr)
        return 1
    if not plain:
        print("usage: pmta [--json|--xml|--dom] COMMAND; the commands are in the stand-in's README", file=sys.stderr)
        return 2
    return _ask(words)


def _ask(words: list[str]) -> int:
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(SOCKET)
            link.sendall(json.dumps(words).encode() + b"\n")
            answer = json.loads(link.makefile().readline())
    except (OSError, ValueError):
        print("pmta: PowerMTA does not answer; is the service pmta running?", file=sys.stderr)
        return 1
    print(answer["text"], file=sys.stderr if answer["code"] else sys.stdout)
    return int(answer["code"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
