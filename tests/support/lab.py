# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The lab as tests, demo and benches use it: run playbooks, submit mail, read what the receivers recorded."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.inject import Message

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests/lab/lab"
# Another fleet on the same hosts, such as inventories/lab_mixed, for the same tests.
INVENTORY = ROOT / os.environ.get("MAILFLEET_LAB_INVENTORY", "inventories/lab")
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Play:
    """One run of ansible-playbook."""

    code: int
    output: str
    seconds: float

    @property
    def changed(self) -> dict[str, int]:
        return {host: int(changed) for host, _ok, changed, _unreachable, _failed in _RECAP.findall(self.output)}

    @property
    def words(self) -> str:
        """The output on one line, because Ansible wraps long messages."""
        return re.sub(r"\s+", " ", self.output)


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A message that a persona accepted."""

    identity: str
    persona: str
    source: str
    helo: str
    tls: str | None
    mail_from: str
    recipients: tuple[str, ...]
    signed: tuple[tuple[str, str], ...]
    received: float
    sent: float

    @property
    def seconds(self) -> float:
        return self.received - self.sent


def lab(*words: str | Path, stdin: str | None = None, check: bool = True, timeout: float = 900) -> str:
    """One call of the lab command; its output."""
    done = subprocess.run([LAB, *words], input=stdin, capture_output=True, text=True, check=False, timeout=timeout)
    if check and done.returncode:
        raise RuntimeError(f"lab {' '.join(map(str, words))}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def ssh(host: str, command: str, check: bool = True) -> str:
    """A shell command on a lab host."""
    return lab("run", "ssh", host, command, check=check)


def play(inventory: Path = INVENTORY, *options: str, playbook: Path = ROOT / "site.yml") -> Play:
    """Run a playbook against the lab."""
    start = time.monotonic()
    done = subprocess.run(
        [LAB, "run", "ansible-playbook", "-i", inventory, playbook, *options],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=900, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Play(done.returncode, done.stdout + done.stderr, time.monotonic() - start)


def submit(
    host: str, port: int, messages: Iterable[Message], connections: int = 10, rate: float | None = None
) -> list[Message]:
    """Submit messages from inside the lab's network; they come back with their replies."""
    lines = "".join(json.dumps(dataclasses.asdict(message)) + "\n" for message in messages)
    words = ["run", "env", f"PYTHONPATH={ROOT}", "python3", "-m", "tests.support.inject", host, str(port)]
    words += ["--connections", str(connections), *(["--rate", str(rate)] if rate else [])]
    return [Message(**json.loads(line)) for line in lab(*words, stdin=lines).splitlines()]


def sessions() -> list[dict[str, Any]]:
    """What the personas recorded, session by session, refused ones too."""
    return [json.loads(line) for line in lab("records").splitlines()]


def deliveries() -> list[Delivery]:
    """The accepted messages of all sessions, one entry per acceptance: a doubled message is there twice."""
    return [
        Delivery(
            identity=message["message_id"].strip("<>").partition("@")[0],
            persona=session["persona"],
            source=session["source"],
            helo=session["helo"],
            tls=session["tls"],
            mail_from=message["mail_from"],
            recipients=tuple(rcpt["to"] for rcpt in message["rcpts"] if rcpt["reply"].startswith("2")),
            signed=tuple((signature["d"], signature["s"]) for signature in message["dkim"]),
            received=message["received"],
            sent=float(message["headers"].get("x-mailfleet-injected", "nan")),
        )
        for session in sessions()
        for message in session["messages"]
        if (message["reply"] or "").startswith("2") and message["message_id"]
    ]


def verdicts() -> dict[str, dict[str, Any]]:
    """What the golden receiver thinks of its mail, by message identity."""
    found = [json.loads(line) for line in lab("golden").splitlines()]
    return {verdict["message_id"].strip("<>").partition("@")[0]: verdict for verdict in found if verdict["message_id"]}


def wait_for(what: str, ready: Any, seconds: float = 60) -> Any:
    """Ask until the answer is true; say what was missing when it never is."""
    deadline = time.monotonic() + seconds
    while not (answer := ready()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen within {seconds:g} s: {what}")
        time.sleep(0.5)
    return answer
