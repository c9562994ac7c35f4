# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The rotation on real hosts and name servers, without a mail server: states, keys, records, who signs with what."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import testinfra
from testinfra.host import Host

from tests.support.lab import INVENTORY, ROOT

KEYS = "/var/lib/mailfleet/dkim"
MILTER = (ROOT / "molecule/dkim/milter.py").read_text()
# Nobody receives mail in this scenario.
POLICY = {"dkim_rotation": {"soak": "1h", "verify": "preflight", "ed25519": True}}


def rotate(*options: str, now: str = "+0d") -> str:
    words = ["ansible-playbook", "-i", INVENTORY, ROOT / "playbooks/dkim_rotate.yml"]
    words += ["-e", json.dumps({**POLICY, "dkim_rotation_now": now}), *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    return re.sub(r"\s+", " ", done.stdout)


def on(name: str) -> Host:
    return testinfra.get_host(f"ansible://{name}?ansible_inventory={INVENTORY}")


def selector_of(name: str, domain: str, pool: str) -> str:
    """What the signing service of the host signs with."""
    _reply, added = json.loads(on(name).check_output("python3 -c %s %s %s", MILTER, pool, domain))
    return " ".join(sorted(re.findall(r"\bs=([^;]+);", " ".join(value for _header, value in added))))


def copies() -> dict[str, str]:
    return {name: on(name).check_output(f"cat {KEYS}/example.com/rotation.json") for name in ("mx1", "mx2")}


def test_states_lie_beside_the_keys_and_are_as_private(host: Host) -> None:
    found = host.check_output(f"cd {KEYS} && stat -c '%a %U:%G' */rotation.json").splitlines()
    assert set(found) == {"640 root:_rspamd"}


def test_a_rotation_goes_host_by_host_and_can_be_held_and_lost(host: Host) -> None:
    if host.backend.host != "mx1":
        pytest.skip("drives the whole fleet")
    before = copies()
    assert "staged mf1 ->" in rotate("--check", "-e", "dkim_rotation_action=rotate")
    assert copies() == before, "check mode keeps nothing"
    only = ["-e", '{"dkim_rotation_only": ["example.com"]}']
    words = rotate("-e", "dkim_rotation_action=rotate", *only)
    (new,) = re.findall(r"example.com: staged mf1 -> (\w+)", words)
    assert len(set(copies().values())) == 1
    assert f"publish {new}" in rotate()
    assert "visible" in rotate()
    assert "held: freeze" in rotate("-e", "dkim_rotation_action=hold", "-e", "dkim_rotation_reason=freeze", now="+2h")
    on("mx2").check_output(f"rm {KEYS}/example.com/rotation.json")
    assert "mx2 had no current copy" in rotate("-e", "dkim_rotation_action=release", now="+2h")
    assert "prove" in rotate(now="+2h")
    assert "canary" in rotate(now="+2h")
    both = f"{new} {new}-e"
    signed = {name: selector_of(name, "example.com", "campaign") for name in ("mx1", "mx2")}
    assert signed == {"mx1": both, "mx2": "mf1"}, "an Ed25519 signature stands beside the one that everybody checks"
    assert "switched" in rotate(now="+2h")
    assert selector_of("mx2", "example.com", "campaign") == both
    assert selector_of("mx2", "shop.example.org", "campaign") == "mf1", "only the domain that was asked for"
    for name in ("mx1", "mx2"):
        on(name).check_output(f"rm {KEYS}/example.com/rotation.json")
    words = rotate(now="+2h")
    assert f"example.com: idle {new}; mf1 drains until" in words, "rebuilt from facts, only slower"
    assert selector_of("mx1", "example.com", "campaign") == both


def test_no_private_key_is_in_a_state(host: Host) -> None:
    assert "PRIVATE" not in host.check_output(f"cat {KEYS}/*/rotation.json")
