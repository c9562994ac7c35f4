# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mailfleet.mta.plugins.filter.package_change import package_change
from ansible_collections.mailfleet.mta.plugins.plugin_utils._package_file import package_of

INSTALLED = {"package": "powermta", "version": "5.0r8-1"}


def package(place: Path, version: str = "5.0r9-1", compression: str = "gzip") -> str:
    control = place / "tree/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(
        f"Package: powermta\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n"
    )
    path = str(place / "powermta.deb")
    subprocess.run(["dpkg-deb", f"-Z{compression}", "--build", place / "tree", path], check=True, capture_output=True)
    return path


@pytest.mark.parametrize("compression", ["gzip", "xz", "none", "zstd"])
def test_name_and_version_of_a_file(tmp_path: Path, compression: str) -> None:
    assert package_of(package(tmp_path, compression=compression)) == ("powermta", "5.0r9-1")


@pytest.mark.parametrize("dpkg", ["", "#!/bin/sh\necho 'uses unknown compression for member' >&2; exit 2\n"])
def test_where_the_controller_reads_no_zstd_there_is_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dpkg: str
) -> None:
    path, tools = package(tmp_path, compression="zstd"), tmp_path / "tools"
    tools.mkdir()
    if dpkg:
        (tools / "dpkg-deb").write_text(dpkg)
        (tools / "dpkg-deb").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(AnsibleFilterError, match=r"powermta\.deb is packed with zstd, .*Install dpkg 1\.21\.18"):
        package_change(path, INSTALLED)


def test_a_file_is_compared_with_what_is_installed(tmp_path: Path) -> None:
    change = {"step": "upgrade", "before": "powermta 5.0r8-1", "after": "powermta 5.0r9-1"}
    assert package_change(package(tmp_path), INSTALLED) == change


@pytest.mark.parametrize(
    ("wanted", "step"),
    [
        ("powermta", "keep"),
        ("powermta=5.0r8-1", "keep"),
        ("powermta=5.0r9-1", "upgrade"),
        ("powermta=5.0r7-1", "downgrade"),
        ("/no/such/file.deb", "keep"),
    ],
)
def test_a_name_is_compared_where_it_has_a_version(wanted: str, step: str) -> None:
    assert package_change(wanted, INSTALLED)["step"] == step
    assert package_change(wanted, {})["step"] == "install"


def test_what_is_no_package_has_a_sentence(tmp_path: Path) -> None:
    whole = Path(package(tmp_path)).read_bytes()
    for broken in (b"", b"\xed\xab\xee\xdb an rpm", whole[:60], whole[:150], whole[:132] + b"\0" * 200):
        path = tmp_path / "broken.deb"
        path.write_bytes(broken)
        with pytest.raises(AnsibleFilterError, match=r"broken.deb is no Debian package: .*\. Name the"):
            package_change(str(path), INSTALLED)
    packed = Path(package(tmp_path / "zstd", compression="zstd")).read_bytes()
    path.write_bytes(packed[:140] + b"\0" * 40 + packed[180:])
    with pytest.raises(AnsibleFilterError, match=r"its control file cannot be read\. Name the"):
        package_change(str(path), INSTALLED)
    for words in ("powermta=", "powermta=5.0*", "powermta=r9"):
        with pytest.raises(AnsibleFilterError, match="names no whole version"):
            package_change(words, INSTALLED)
