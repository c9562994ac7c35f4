# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""SMTP from feeders, by aiosmtpd: who may submit, and for which virtual MTA. Accepted means stored."""

from __future__ import annotations

import hmac
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from . import message, values
from .domains import Settings
from .naming import new_name
from .patterns import choose
from .server import DEFAULT, Listener, Server

Accept = Callable[[str, dict[str, Any], bytes], Awaitable[None]]


def one(settings: Settings, name: str, default: str = "no") -> str:
    return settings.get(name, [default])[-1]


class Handler:
    """What one listener does; the server's configuration is asked for each session anew."""

    def __init__(self, listener: Listener, server: Callable[[], Server], accept: Accept) -> None:
        self.listener, self.server, self.accept = listener, server, accept

    def source(self, session: Session) -> Settings:
        user = self.server().users.get(session.auth_data) if session.authenticated else None
        names = [self.listener.source, *(["{auth}", user.source] if user else [])]
        return self.server().source(session.peer[0], *filter(None, names))

    def authenticate(self, _smtp: SMTP, session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        name = data.login.decode("utf-8", "replace")
        user = self.server().users.get(name)
        if not user or not hmac.compare_digest(user.password.encode(), data.password):
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=name)

    async def handle_MAIL(self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        source = self.source(session)
        if not values.yes(one(source, "smtp-service", "yes")):
            return "554 5.7.1 no SMTP service for you"
        if values.yes(one(source, "require-auth")) and not session.authenticated:
            return "530 5.7.0 authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 MAIL ok"

    async def handle_RCPT(self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if "@" not in address:
            return "553 5.1.3 the address has no domain"
        ours = self.server().accepts_domain(address.rpartition("@")[2].lower())
        if not ours and not values.yes(one(self.source(session), "always-allow-relaying")):
            return f"550 5.7.1 relaying denied for <{address}>"
        limit = values.count(one(self.source(session), "max-rcpt-per-message", "0"))
        if limit and len(envelope.rcpt_tos) >= limit:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 RCPT ok"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        now, source, server = time.time(), self.source(session), self.server()
        content = envelope.original_content or b""
        found = message.headers(content)
        name = new_name(now)
        rcpts = []
        for number, rcpt in enumerate(envelope.rcpt_tos):
            vmta = self._vmta(server, source, envelope.mail_from or "", rcpt, found)
            if vmta not in server.vmtas:
                return f"550 5.7.1 no virtual MTA is called {vmta}"
            rcpts.append({"number": number, "rcpt": rcpt, "vmta": vmta})
        facts = {
            "jobId": found.get("x-job", "") if values.yes(one(source, "process-x-job")) else "",
            "envId": found.get("x-envid", "") if values.yes(one(source, "process-x-envid")) else "",
            "srcType": "smtp",
            "srcMta": f"{session.host_name or ''} ({session.peer[0]})",
            "rcvSmtpUser": session.auth_data if session.authenticated else "",
            "suppress": one(source, "suppress-local-dsn"),
            "rcvSourceIp": session.peer[0],
            "rcvDestinationIp": smtp.transport.get_extra_info("sockname")[0],
        }
        header = one(source, "jobid-header", "")
        if header:
            facts["jobId"] = found.get(header.lower(), "")
        text = self._edited(content, found, source, session, name, now, server)
        envelope_facts = {"mail_from": envelope.mail_from or "", "queued": now, "rcpts": rcpts, "facts": facts}
        await self.accept(name, envelope_facts, text)
        return f"250 2.6.0 message received, id {name}"

    def _vmta(self, server: Server, source: Settings, mail_from: str, rcpt: str, found: dict[str, str]) -> str:
        asked = found.get("x-virtual-mta", "") if values.yes(one(source, "process-x-virtual-mta")) else ""
        looked_at = {**found, "mail-from": mail_from, "rcpt-to": rcpt}
        listed = "" if asked else choose(server.pattern_lists, one(source, "pattern-list", ""), looked_at)
        vmta = asked or listed or one(source, "default-virtual-mta", DEFAULT)
        if vmta not in server.vmtas and "invalid-virtual-mta-fallback" in server.settings:
            return server.one("invalid-virtual-mta-fallback")
        return vmta

    def _edited(
        self, content: bytes, found: dict[str, str], source: Settings, session: Session, name: str, now: float,
        server: Server,
    ) -> bytes:  # fmt: skip
        remove = {part.strip().lower() for value in source.get("remove-header", []) for part in value.split(",")}
        for option, header in (("virtual-mta", "x-virtual-mta"), ("job", "x-job"), ("envid", "x-envid")):
            if values.yes(one(source, f"process-x-{option}")) and not values.yes(one(source, f"retain-x-{option}")):
                remove.add(header)
        add = []
        if values.yes(one(source, "add-received-header", "yes")):
            hidden = values.yes(one(source, "hide-message-source"))
            origin = "" if hidden else f"from {session.host_name} ({session.peer[0]}) "
            host = server.one("host-name", os.uname().nodename)
            add.append(f"Received: {origin}by {host} id {name}; {formatdate(now)}")
        if one(source, "add-date-header") in ("yes", "true") and "date" not in found:
            add.append(f"Date: {formatdate(now)}")
        if values.yes(one(source, "add-message-id-header")) and "message-id" not in found:
            add.append(f"Message-ID: <{name}@{os.uname().nodename}>")
        return message.edit(content, remove, add)

    def protocol(self, tls: ssl.SSLContext | None) -> SMTP:
        named = self.server().source("0.0.0.0", self.listener.source)
        plain = values.yes(one(named, "allow-unencrypted-plain-auth"))
        size = values.size(one(named, "max-message-size", "0"))
        return SMTP(
            self,
            hostname=self.server().one("host-name", os.uname().nodename),
            ident="ESMTP PowerMTA stand-in",
            data_size_limit=size,
            tls_context=tls,
            authenticator=self.authenticate,
            auth_require_tls=tls is not None and not plain,
            # Without TLS and without permission to go without it, nobody is asked for a password.
            auth_exclude_mechanism=[] if tls or plain else ["LOGIN", "PLAIN"],
            enable_SMTPUTF8=True,
        )
