# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A way to a real HTTP API that fails as tests ask: by a status, in silence, or by losing the answer."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Union

# What happens to a request (method, path): a status instead of an answer; "silent": nothing is done, nothing said;
# "lost": it is done and nothing said; None: it goes through.
Fault = Callable[[str, str], Union[int, str, None]]
SILENCE = 4.0  # longer than the client waits


class Unreliable:
    def __init__(self, target: str) -> None:
        self.target, self.fault, self.asked = target, (lambda method, path: None), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_args: object) -> None:
                pass

            def handle_any(self) -> None:
                outer.handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.asked.append((request.command, request.path))
        what = self.fault(request.command, request.path)
        if isinstance(what, int):
            self.answer(request, what, b'{"error": "as the test wants it"}')
            return
        if what == "silent":
            time.sleep(SILENCE)
            return
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        forward = urllib.request.Request(self.target + request.path, body or None, headers, method=request.command)
        try:
            with urllib.request.urlopen(forward, timeout=10) as reply:
                status, text = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        if what == "lost":
            time.sleep(SILENCE)
            return
        self.answer(request, status, text)

    def answer(self, request: BaseHTTPRequestHandler, status: int, text: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        if status != 204:
            request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        if status != 204:
            request.wfile.write(text)

    def __enter__(self) -> Unreliable:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()
