# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Which messages are put aside at submission, and the conversation with Postfix about it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mailfleet import policy_service, state
from mailfleet.backoff import PROBING, STOPPED, Backoff
from mailfleet.ledger_names import Names
from mailfleet.ledger_store import Store
from mailfleet.notify import Notifier
from mailfleet.policy import DUNNO, Policy
from mailfleet.socketmap import frame
from mailfleet.state import Control, State

VIEW: dict[str, Any] = {
    "pools": [
        {"name": "campaign", "instance": "postfix-campaign", "traffic": "marketing", "lanes": []},
        {"name": "trans", "instance": "postfix-trans", "traffic": "transactional", "lanes": []},
    ],
    "isps": [{"name": "gmail", "domains": ["gmail.com"], "mx": []}],
    "elsewhere": [{"domain": "example.com", "return_path": "bounce.example.com", "pool": "campaign"}],
}
HELD = Backoff(STOPPED, 1000, 1600, 0, 990, 0, 7, "rate-limited", "r", "stop-domain", "421 4.7.28 too;\n much")
PAUSED = Control(state.DOMAIN, "example.com", "a complaint", 900, 0, False)
AT_GMAIL = {"policy_context": "campaign", "sender": "b+1@bounce.example.com", "recipient": "anna@hosted.example"}
PUT = "HOLD put aside by mailfleet: example.com at "


async def gmail(pool: str, recipient: str) -> str:
    return "gmail" if recipient.endswith("hosted.example") else ""


@pytest.mark.parametrize(
    ("found", "attributes", "action"),
    [
        (State(), AT_GMAIL, DUNNO),
        (State(), {}, DUNNO),
        (State(domains={("campaign", "example.com", "gmail"): HELD}), AT_GMAIL, PUT + "gmail: 421 4.7.28 too much"),
        (
            State(domains={("campaign", "example.com", "gmail"): HELD._replace(phase=PROBING)}),
            AT_GMAIL,
            PUT + "gmail: 421 4.7.28 too much",
        ),
        (State(domains={("campaign", "example.com", "yahoo"): HELD}), AT_GMAIL, DUNNO),
        (State(domains={("trans", "example.com", "gmail"): HELD}), AT_GMAIL, DUNNO),
        (State(domains={("campaign", "example.org", "gmail"): HELD}), AT_GMAIL, DUNNO),
        # Several recipients: the message waits as a whole.
        (
            State(domains={("campaign", "example.com", "gmail"): HELD}),
            {**AT_GMAIL, "recipient": ""},
            PUT + "*: 421 4.7.28 too much",
        ),
        # Steering does not answer: the recipient's own domain tells.
        (
            State(domains={("campaign", "example.com", "gmail"): HELD}),
            {**AT_GMAIL, "recipient": "anna@gmail.com"},
            PUT + "gmail: 421 4.7.28 too much",
        ),
        (State(controls={("domain", "example.com"): PAUSED}), AT_GMAIL, PUT + "*: a complaint"),
        (State(controls={("domain", "example.com"): PAUSED._replace(until=1499)}), AT_GMAIL, DUNNO),
        (State(controls={("domain", "example.com"): PAUSED}), {**AT_GMAIL, "policy_context": "trans"}, DUNNO),
        (
            State(controls={("domain", "example.com"): PAUSED._replace(transactional=True)}),
            {**AT_GMAIL, "policy_context": "trans"},
            PUT + "*: a complaint",
        ),
    ],
)
def test_what_is_put_aside(found: State, attributes: dict[str, str], action: str) -> None:
    policy = Policy(Names(VIEW), lambda pool: pool == "trans", lambda: found, gmail, lambda: 1500.0)
    assert asyncio.run(policy.answer(attributes)) == action


def request(**attributes: str) -> bytes:
    return "".join(f"{name}={value}\n" for name, value in attributes.items()).encode() + b"\n"


async def steering(path: Path, answers: list[str]) -> asyncio.AbstractServer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.append((await reader.read(1000)).decode())
        writer.write(frame("OK gmail"))
        writer.close()

    return await asyncio.start_unix_server(answer, str(path))


def test_the_conversation(tmp_path: Path) -> None:
    config, database = tmp_path / "agent.json", str(tmp_path / "ledger.db")
    config.write_text(json.dumps(VIEW))
    store = Store(database)
    state.create(store.db)
    state.save(store.db, "domain_state", {("campaign", "example.com", "gmail"): HELD})

    async def talk() -> tuple[list[bytes], list[str]]:
        asked: list[str] = []
        steer = await steering(tmp_path / "steer.sock", asked)
        service = policy_service.Service(config, database, tmp_path / "policy", tmp_path / "steer.sock", Notifier({}))
        running = asyncio.ensure_future(service.run())
        while not (tmp_path / "policy").exists():
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "policy"))
        replies = []
        for text in (request(**AT_GMAIL), request(sender="x@example.org", policy_context="campaign"), b"nonsense\n\n"):
            writer.write(text)
            replies.append(await reader.readuntil(b"\n\n"))
        steer.close()
        (tmp_path / "steer.sock").unlink(missing_ok=True)  # Python 3.13 does it when it closes
        writer.write(request(**AT_GMAIL))
        replies.append(await reader.readuntil(b"\n\n"))
        writer.write(b"x" * 100_000)
        replies.append(await reader.read())
        running.cancel()
        return replies, asked

    replies, asked = asyncio.run(talk())
    put = f"action={PUT}gmail: 421 4.7.28 too much\n\n".encode()
    # Without steering hosted.example is nobody's; what is no request ends the conversation, as Postfix expects.
    assert replies == [put, b"action=DUNNO\n\n", b"action=DUNNO\n\n", b"action=DUNNO\n\n", b""]
    assert asked == [frame("campaign/isp anna@hosted.example").decode()]
