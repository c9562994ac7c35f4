# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Ways to a real server that fail: a connection that breaks once, and a DNS that hears nothing of some names."""

from __future__ import annotations

import contextlib
import socket
import threading

HOST = "127.0.0.1"


class Breaking:
    """TCP. The first connection ends after so many bytes of the server; later ones hold."""

    def __init__(self, port: int, after: int) -> None:
        self.target, self.left = port, after
        self.broke = False
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                server = socket.create_connection((HOST, self.target))
                for pair in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                self.left -= len(data) if counted else 0
                if self.left < 0 and not self.broke:
                    self.broke = True
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Breaking:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Deaf:
    """UDP. Questions with this label get no answer."""

    def __init__(self, port: int, label: bytes) -> None:
        self.target, self.label = port, label
        self.unheard = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self.port = int(self._socket.getsockname()[1])

    def _serve(self) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.settimeout(2)
            while asked := self._socket.recvfrom(4096):
                question, client = asked
                if self.label in question:
                    self.unheard += 1
                    continue
                server.sendto(question, (HOST, self.target))
                self._socket.sendto(server.recv(4096), client)

    def __enter__(self) -> Deaf:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()
