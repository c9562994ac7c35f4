# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Fetches MTA-STS policy files (RFC 8461 section 3.3). IO: HTTPS.

The address was resolved before, by the resolver of the audit; redirects are not followed, as the RFC wants.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import http.client
import socket
import ssl

_PATH = "/.well-known/mta-sts.txt"
_LIMIT = 65536


class PolicyFileError(Exception):
    """Why there is no file, as the end of a sentence."""


class _Connection(http.client.HTTPSConnection):
    """To a known address, with the host's name in TLS and HTTP."""

    def __init__(self, host: str, address: str, port: int, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout=timeout)
        self._place, self._tls = (address, port), context

    def connect(self) -> None:
        plain = socket.create_connection(self._place, self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def context_of(ca_file: str) -> ssl.SSLContext:
    """The authorities of the controller, and those of a file. Raises OSError or ssl.SSLError for a bad file."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def fetch(host: str, address: str, port: int, timeout: float, context: ssl.SSLContext) -> tuple[str, str]:
    """Content type and text."""
    connection = _Connection(host, address, port, timeout, context)
    try:
        connection.request("GET", _PATH, headers={"User-Agent": "mailfleet", "Accept": "text/plain"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise PolicyFileError(f"{host} ({address}) answers {answer.status} {answer.reason}")
        body = answer.read(_LIMIT + 1)
    except ssl.SSLCertVerificationError as error:
        raise PolicyFileError(f"the certificate of {host} ({address}) is not valid: {error.verify_message}") from error
    except (OSError, http.client.HTTPException) as error:
        raise PolicyFileError(f"{host} ({address}) gave no answer: {error}") from error
    finally:
        connection.close()
    if len(body) > _LIMIT:
        raise PolicyFileError(f"the file of {host} is longer than {_LIMIT} bytes")
    return answer.getheader("Content-Type", ""), body.decode("utf-8", "replace")
