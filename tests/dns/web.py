# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A web host with an /etc of its own: playbooks write there, and a real nginx serves what they wrote."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.dns.program import Program

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
ADDRESS = "127.0.0.1"

# The upper layer is on a tmpfs, so that the directory may be on any file system, and nothing is left behind.
_HOST = """set -e
mount -t tmpfs tmpfs "$0"
mkdir "$0/upper" "$0/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/work" /etc
echo ready
exec sleep infinity
"""
_CONFIG = """daemon off; master_process off; user root; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ }}
http {{
  access_log off;
  {temporary}
  {servers}
}}
"""
_SERVER = """server {{
  listen {address}:{port} ssl; server_name {name};
  ssl_certificate {certificate}; ssl_certificate_key {key};
  {body}
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def connection(name: str, port: int, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    """To the server of this name, without a resolver that knows it."""
    found = http.client.HTTPSConnection(name, port, timeout=5, context=context)
    found.sock = context.wrap_socket(socket.create_connection((ADDRESS, port), 5), server_hostname=name)
    return found


class Authority:
    """A CA of the tests; it signs what it is asked for."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory, self.certificate, self.key = directory, directory / "ca.pem", directory / "ca.key"
        _openssl("req", "-x509", *_new(self.key), "-subj", f"/CN={directory.name}", "-out", str(self.certificate))

    def issue(self, host: str) -> tuple[Path, Path]:
        certificate, key, request = (self.directory / f"{host}.{kind}" for kind in ("pem", "key", "csr"))
        _openssl("req", *_new(key)[:-2], "-subj", f"/CN={host}", "-out", str(request))
        names = self.directory / f"{host}.names"
        names.write_text(f"subjectAltName=DNS:{host}\n")
        signer = ["-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial", "-days", "2"]
        _openssl("x509", "-req", "-in", str(request), *signer, "-extfile", str(names), "-out", str(certificate))
        return certificate, key


def _new(key: Path) -> list[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key)]
    return [*curve, "-days", "2"]


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Host(Program):
    """What `run` starts sees the host's /etc; nobody else does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "etc").mkdir(parents=True)

    def start(self) -> Host:
        command = ["unshare", "--mount", "--map-root-user", "sh", "-c", _HOST, str(self.directory / "etc")]
        with (self.directory / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        assert self.process.stdout
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"no /etc of its own: {(self.directory / 'stderr').read_text()}")
        return self

    def command(self, argv: Sequence[str]) -> list[str]:
        assert self.process
        return ["nsenter", "--user", "--mount", "--preserve-credentials", "--target", str(self.process.pid), *argv]

    def run(self, argv: Sequence[str], **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(argv), capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


class Nginx(Program):
    """`servers` maps a name to its certificate and key, and the lines of its server block."""

    def __init__(self, host: Host, port: int, servers: Mapping[str, tuple[tuple[Path, Path], str]]) -> None:
        self.host, self.port, self.directory = host, port, host.directory
        blocks = (
            _SERVER.format(address=ADDRESS, port=port, name=name, certificate=pair[0], key=pair[1], body=body)
            for name, (pair, body) in servers.items()
        )
        temporary = "".join(f"{name}_temp_path {self.directory}/{name};" for name in _TEMPORARY)
        config = _CONFIG.format(directory=self.directory, temporary=temporary, servers="".join(blocks))
        (self.directory / "nginx.conf").write_text(config)

    def start(self) -> Nginx:
        command = self.host.command([str(NGINX), "-e", "stderr", "-c", str(self.directory / "nginx.conf")])
        with (self.directory / "nginx.stderr").open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        self.wait_until_listens(ADDRESS, self.port, self.directory / "nginx.stderr")
        return self
