# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The audit of many domains in one play, against the same questions asked one after the other by dnspython."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
HERE = str(Path(__file__).resolve().parent)  # not to be searched: its dns.py would hide dnspython
sys.path[:] = [str(ROOT), str(ROOT / ".ansible/collections"), *(place for place in sys.path if place != HERE)]

import dns.message
import dns.query

from ansible_collections.mailfleet.mta.plugins.module_utils import _audit_look as audit_look
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import Answer, Question
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_task import check_auth
from tests.bench.dns import Plays, auth_of
from tests.dns import bind
from tests.support.audit_world import DKIM

SIZES = (50, 500)
ADDRESSES = [{"address": f"192.0.2.{last}", "helo": f"mta{last}.host.example"} for last in range(10, 30)]
SPF = "v=spf1 " + " ".join(f"ip4:192.0.2.{last}" for last in range(10, 20))


def run(sizes: tuple[int, ...] = SIZES) -> dict[str, object]:
    if bind.NAMED is None:
        raise RuntimeError("named is not installed. Remedy: install the Debian package bind9.")
    groups = {size: [f"z{number:04d}.n{size}.example" for number in range(size)] for size in sizes}
    zones = {zone: lines() for group in groups.values() for zone in group} | hosts()
    with tempfile.TemporaryDirectory() as place:
        port = bind.free_port()
        with (
            bind.Bind(Path(place) / "one", port, zones) as server,
            bind.Bind(Path(place) / "two", port, zones, address=bind.SECONDARY),
        ):
            plays = Plays(Path(place), server)
            empty = plays.seconds([])
            rows = {f"{size} domains": row(plays, group, server) for size, group in groups.items()}
            loop = one_by_one(groups[min(sizes)], server)
    largest = rows[f"{max(sizes)} domains"]
    return {
        "rows": rows,
        "one_by_one_ms_a_question": round(loop, 2),
        "times_faster_a_question": round(loop / largest["question_ms"], 1),
        "empty_play_s": round(empty, 2),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "largest_play_s": largest["play_s"],
        "floors": {"largest_play_s": 20, "peak_memory_mb": 300},
    }


def lines() -> str:
    return (
        "@ NS ns2\nns2 AAAA ::1\n@ MX 10 mail.host.example.\nbounce MX 10 mail.host.example.\n"
        f'@ TXT "{SPF} include:_spf.host.example -all"\nbounce TXT "{SPF} -all"\n'
        f'mf1._domainkey TXT "{DKIM[:250]}" "{DKIM[250:]}"\n'
        '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@host.example"\n'
        '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@host.example"\n'
    )


def hosts() -> dict[str, str]:
    names = "@ MX 10 mail\nmail A 192.0.2.9\n" + '_spf TXT "v=spf1 ip4:192.0.2.40 -all"\n'
    names += '*._report._dmarc TXT "v=DMARC1"\n'
    for last in range(10, 30):
        names += f'mta{last} A 192.0.2.{last}\nmta{last} TXT "v=spf1 a -all"\n'
    pointers = "".join(f"{last} PTR mta{last}.host.example.\n" for last in range(10, 30))
    return {"host.example": names, "2.0.192.in-addr.arpa": pointers}


def options(zones: list[str], server: bind.Bind) -> dict[str, Any]:
    return {
        "domains": [auth_of(zone) for zone in zones],
        "addresses": ADDRESSES,
        "resolver": server.address,
        "resolver_port": server.port,
        "name_server_port": server.port,
    }


def row(plays: Plays, zones: list[str], server: bind.Bind) -> dict[str, float]:
    given = options(zones, server)
    text = {name: json.dumps(given[name]) for name in ("domains", "addresses")}
    seconds = plays.seconds([{"mailfleet.mta.auth_check": {**given, **text}}], changed=0)
    done = audited(zones, server)
    return {
        "play_s": round(seconds, 2),
        "questions": done["questions"],
        "audit_s": done["duration_s"],
        "question_ms": round(1000 * done["duration_s"] / done["questions"], 3),
        "errors_and_warnings": done["summary"]["error"] + done["summary"]["warning"],
    }


def audited(zones: list[str], server: bind.Bind) -> dict[str, Any]:
    rest = {"keys": {}, "signing": [], "timeout": 5, "policy_port": 443, "ca_file": "", "levels": ["error"], "skip": []}
    return check_auth({**rest, "fail_on": "never", **options(zones, server)})


class Recorder(audit_look.Looker):
    """Remembers what was asked."""

    asked: ClassVar[list[Question]] = []

    def __call__(self, questions: Collection[Question]) -> dict[Question, Answer]:
        self.asked.extend(questions)
        return super().__call__(questions)


def one_by_one(zones: list[str], server: bind.Bind) -> float:
    """Milliseconds a question, when the questions of the same audit wait for each other."""
    with mock.patch.object(audit_look, "Looker", Recorder):
        audited(zones, server)
    start = time.monotonic()
    for question in Recorder.asked:
        message = dns.message.make_query(question.name, question.type)
        dns.query.udp(message, question.at or server.address, port=server.port, timeout=5)
    return 1000 * (time.monotonic() - start) / len(Recorder.asked)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
