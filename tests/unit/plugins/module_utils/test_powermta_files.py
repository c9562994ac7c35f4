# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Includes, the files of keys, and the command as a person without Ansible runs it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_files import LocalFiles

COMMAND = Path(__file__).resolve().parents[4] / "playbooks/files/pmta-config-check"


def tree(place: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return place / "config"


def check(place: Path, files: dict[str, str]) -> list[str]:
    config = tree(place, files)
    found = check_text(config.read_text(encoding="utf-8"), str(config), files=LocalFiles())
    return [str(finding).replace(f"{place}/", "") for finding in found.findings]


@pytest.mark.parametrize("name", ["pools.conf", "/etc/pmta/pools.conf", "conf.d/*.conf", "{place}/pools.conf"])
def test_includes_are_followed(tmp_path: Path, name: str) -> None:
    pool = "<virtual-mta-pool p>\nvirtual-mta nowhere\n</virtual-mta-pool>\n<virtual-mta v>\n</virtual-mta>\n"
    where = "conf.d/pools.conf" if "*" in name else "pools.conf"
    found = check(tmp_path, {"config": f"include {name}\n".format(place=tmp_path), where: pool})
    assert len(found) == 1
    assert found[0].startswith(f"{where}:2: error: virtual-mta names nowhere")


def test_an_include_stands_in_its_block(tmp_path: Path) -> None:
    files = {"config": "<domain *>\ninclude limits.conf\n</domain>\n", "limits.conf": "max-smtp-out 5\nrecords d\n"}
    assert check(tmp_path, files) == [
        'limits.conf:2: error: "records" does not belong into <domain>. Move it to <acct-file>.'
    ]


@pytest.mark.parametrize(
    ("name", "level", "words"),
    [
        ("lost.conf", "error", "does not exist"),
        ("{place}/lost.conf", "error", "does not exist"),
        ("/etc/pmta/lost.conf", "warning", "is not on this machine"),
        ("/opt/no-such-place/lost.conf", "warning", "is not on this machine"),
        ("*.pool", "warning", "No file matches"),
        ("C:\\pmta\\pools.conf", "warning", "is not on this machine"),
        ("config", "error", "leads back"),
        ("a\0b", "error", ""),
    ],
)
def test_includes_that_lead_nowhere(tmp_path: Path, name: str, level: str, words: str) -> None:
    found = check(tmp_path, {"config": f"include {name}\n".format(place=tmp_path)})
    assert [line for line in found if level in line and words in line], found


def test_files_that_include_each_other_twice_end(tmp_path: Path) -> None:
    names = [f"f{number}.conf" for number in range(18)]
    files = {name: f"include {following}\n" * 2 for name, following in zip(["config", *names], names)}
    found = check(tmp_path, {**files, names[-1]: "thread-reuse yes\n"})
    assert [line for line in found if "more than 10000 files" in line]


def test_in_a_directory_that_stands_for_the_server_s_every_include_must_be(tmp_path: Path) -> None:
    config = tree(tmp_path, {"config": "include /etc/pmta/lost.conf\ninclude /opt/no-such-place/lost.conf\n"})
    found = check_text(config.read_text(encoding="utf-8"), str(config), files=LocalFiles(str(tmp_path))).findings
    assert [(finding.line, finding.level) for finding in found] == [(1, "error"), (2, "warning")]


def test_what_an_unseen_file_may_define_is_only_a_warning(tmp_path: Path) -> None:
    text = "include /opt/no-such-place/x.conf\n<virtual-mta-pool p>\nvirtual-mta v\n</virtual-mta-pool>\n"
    assert [line for line in check(tmp_path, {"config": text}) if "error" in line] == []


@pytest.mark.parametrize(("mode", "words"), [(0o640, None), (0o644, "chmod 0640"), (None, "does not exist")])
def test_files_of_keys(tmp_path: Path, mode: int | None, words: str | None) -> None:
    key = tmp_path / "mf1.pem"
    if mode is not None:
        key.touch()
        key.chmod(mode)
    found = check(tmp_path, {"config": f"domain-key mf1,example.com,{key}\n"})
    assert len(found) == (1 if words else 0)
    assert words is None or words in found[0]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # No path to any package: the command needs the checkout and nothing else.
    return subprocess.run(
        [str(COMMAND), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **environment},
    )


BROKEN = {
    "shell.conf": "<smtp-pattern-list yahoo>\n  reply /[TS01] Messages from/ mode=backof\n</smtp-pattern-list>\n",
    "pools.conf": "<virtual-mta mta-1>\n  smtp-source-host mail.example.com 192.0.2.1\n</virtual-mta>\n"
    "<virtual-mta-pool mta-1>\n  virtual-mta mta-2\n</virtual-mta-pool>\n",
    "limits.conf": "<domain gmail.com>\n  max-msg-rate 9/hour\n  retry-afer 10m\n<domain *>\n  type smtp\n</domain>\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_command_explains_a_broken_file(tmp_path: Path, name: str) -> None:
    tree(tmp_path, BROKEN)
    done = run(str(tmp_path / name))
    assert done.returncode == 1
    assert done.stderr == ""
    assert all(line.startswith(f"{tmp_path / name}:") and ": error: " in line for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == {"shell.conf": 1, "pools.conf": 3, "limits.conf": 3}[name]


def test_the_readme_shows_what_the_command_says(tmp_path: Path) -> None:
    tree(tmp_path, BROKEN)
    said = run(*(str(tmp_path / name) for name in BROKEN)).stdout.replace(f"{tmp_path}/", "")
    readme = (Path(__file__).resolve().parents[4] / "README.md").read_text(encoding="utf-8")
    assert said in readme


def test_the_command_prints_json(tmp_path: Path) -> None:
    config = tree(tmp_path, {"config": "retry-afer 10m\nrun-as-root Yes\n"})
    found = json.loads(run("--json", str(config)).stdout)
    assert [(one["line"], one["level"], one["directive"]) for one in found] == [
        (1, "error", "retry-afer"),
        (2, "warning", "run-as-root"),
    ]


def test_what_the_command_returns(tmp_path: Path) -> None:
    config = tree(tmp_path, {"config": "thread-reuse yes\n", "doubtful": "thread-reuse YES\n"})
    assert run(str(config)).returncode == 0
    assert run(str(tmp_path / "doubtful")).returncode == 1
    assert run("--level", "error", str(tmp_path / "doubtful")).returncode == 0
    lost = run(str(config), str(tmp_path / "lost"))
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "No such file" in lost.stderr
    assert run("--version", "five", str(config)).returncode == 2
    assert run("--version", "5.0r1", str(config)).returncode == 0


def test_the_command_takes_any_bytes(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(bytes(range(256)) * 20)
    done = run(str(tmp_path / "config"), LC_ALL="C")
    assert done.returncode == 1
    assert done.stderr == ""
    assert [line for line in done.stdout.splitlines() if ": error: " in line] == [
        f"{tmp_path / 'config'}:1: error: The file holds bytes that are not text, and was not read. Save it as UTF-8."
    ]


def test_what_is_not_utf_8_is_named_by_its_line_and_read_all_the_same(tmp_path: Path) -> None:
    latin = b"# fine\n# caf\xe9\nretry-afer 10m\n"
    (tmp_path / "config").write_bytes(latin)
    said = run(str(tmp_path / "config")).stdout.replace(f"{tmp_path}/config", "-")
    assert [line.split(": ")[:2] for line in said.splitlines()] == [["-:2", "warning"], ["-:3", "error"]]
    done = subprocess.run(
        [str(COMMAND), "-"],
        input=latin,
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8:strict"},
    )
    assert (done.returncode, done.stdout.decode(), done.stderr) == (1, said, b"")


def test_no_control_character_reaches_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b"x\x1b[31m 1\n")
    assert "\x1b" not in run(str(tmp_path / "config")).stdout


def test_who_reads_may_stop(tmp_path: Path) -> None:
    tree(tmp_path, {"config": "".join(f"unknown-{number} 1\n" for number in range(5000))})
    with subprocess.Popen(
        [str(COMMAND), str(tmp_path / "config")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reader:
        assert reader.stdout
        assert reader.stderr
        reader.stdout.readline()
        reader.stdout.close()
        assert reader.stderr.read() == b""
        assert reader.wait() == 1


@pytest.mark.parametrize("name", ["directory", "lost", "lost/config"])
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    done = run(str(tmp_path / name))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"{tmp_path / name}: ")


def test_an_empty_file_is_clean(tmp_path: Path) -> None:
    tree(tmp_path, {"config": ""})
    assert (run(str(tmp_path / "config")).returncode, run("--json", str(tmp_path / "config")).stdout) == (0, "[]\n")
