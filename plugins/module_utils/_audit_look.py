# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Answers the questions of the audit. IO: DNS by _dns_read.py, policy files by _policy_file.py.

Every question gets an answer; what went wrong is the answer's fault, never an exception.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import POLICY, Answer, Question
from ansible_collections.mailfleet.mta.plugins.module_utils._dns import zone_in
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import rdata_text
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, NoReply, Reply, ask
from ansible_collections.mailfleet.mta.plugins.module_utils._policy_file import PolicyFileError, fetch

FETCHERS = 32  # policy files at the same time
_ENDPOINTS = 200  # servers asked at the same time; each is an open file
_NOERROR, _NXDOMAIN = 0, 3
_RCODES = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"}
_CHAIN = 16


class Settings(NamedTuple):
    resolver: Endpoint
    timeout: float
    name_server_port: int
    policy_port: int
    context: ssl.SSLContext


class Looker:
    """Remembers servers that were silent, so that each is waited for once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.questions = 0
        self._silent: dict[Endpoint, Answer] = {}
        self._heard: set[Endpoint] = set()

    @property
    def heard_resolver(self) -> bool:
        return self.settings.resolver in self._heard

    def __call__(self, questions: Collection[Question]) -> dict[Question, Answer]:
        self.questions += len(questions)
        files = [question for question in questions if question.type == POLICY]
        found = self._dns([question for question in questions if question.type != POLICY])
        if files:
            with ThreadPoolExecutor(FETCHERS) as pool:
                found.update(zip(files, pool.map(self._file, files)))
        return found

    def _file(self, question: Question) -> Answer:
        settings = self.settings
        try:
            pair = fetch(question.name, question.at, settings.policy_port, settings.timeout, settings.context)
        except PolicyFileError as error:
            return Answer(fault=str(error))
        return Answer(pair)

    def _dns(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        found: dict[Question, Answer] = {}
        by_server: dict[Endpoint, dict[Key, Question]] = {}
        for question in questions:
            server = self._server(question)
            if server in self._silent:
                found[question] = self._silent[server]
            else:
                by_server.setdefault(server, {})[question.name, question.type] = question
        servers = iter(by_server)
        while part := list(itertools.islice(servers, _ENDPOINTS)):
            found.update(self._ask({server: by_server[server] for server in part}))
        return found

    def _server(self, question: Question) -> Endpoint:
        return Endpoint(question.at, self.settings.name_server_port) if question.at else self.settings.resolver

    def _ask(self, asked: Mapping[Endpoint, Mapping[Key, Question]]) -> dict[Question, Answer]:
        """The resolver recurses, name servers answer for themselves."""
        found = {}
        for recursion in (True, False):
            part = {server: own for server, own in asked.items() if (server == self.settings.resolver) == recursion}
            replies = ask(part, self.settings.timeout, recursion) if part else {}
            for (server, key), reply in replies.items():
                found[part[server][key]] = answer_of(reply, authoritative=not recursion)
            for server in part:
                self._note(server, [replies[server, key] for key in part[server]])
        return found

    def _note(self, server: Endpoint, replies: list[Reply]) -> None:
        if any(isinstance(reply, Message) for reply in replies):
            self._heard.add(server)
        elif server not in self._heard:
            self._silent[server] = answer_of(replies[0])


def answer_of(reply: Reply, authoritative: bool = False) -> Answer:
    if isinstance(reply, NoReply):
        return Answer(fault=reply.reason, unreachable=reply.no_route)
    if reply.rcode not in (_NOERROR, _NXDOMAIN):
        return Answer(fault=f"answers {_RCODES.get(reply.rcode, f'rcode {reply.rcode}')}")
    if authoritative and not reply.authoritative:
        delegated = [record.name for record in reply.authority if record.type == "NS"]
        lower = delegated and not reply.answer and len(delegated[0]) > 0
        return Answer(fault=f"delegates {delegated[0]} to others" if lower else "is not authoritative for it")
    try:
        return _answer(reply)
    except ValueError as error:
        return Answer(fault=f"holds a record that is broken: {error}")


def _answer(message: Message) -> Answer:
    """Servers rotate values, so they are sorted."""
    name, rdtype = message.question
    aliases: list[str] = []
    while len(aliases) < _CHAIN:
        alias = next((one for one in message.answer if one.name == name and one.type == "CNAME"), None)
        if alias is None or rdtype == "CNAME":
            break
        name = rdata_text("CNAME", alias.rdata).rstrip(".")
        aliases.append(name)
    own = [record for record in message.answer if record.name == name and record.type == rdtype]
    return Answer(
        values=tuple(sorted({rdata_text(rdtype, record.rdata) for record in own})),
        ttl=min((record.ttl for record in own), default=0),
        aliases=tuple(aliases),
        exists=message.rcode != _NXDOMAIN,
        zone=zone_in(message),
        secure=message.authenticated,
    )
