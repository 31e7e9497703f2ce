# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from ci.command import run_command
from ci.fences import Block, parse_blocks
from ci.reader import Reader

ADDRESS = "https://example.com/somebody/proxmox"


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "log"


@pytest.fixture
def reader(tmp_path: pathlib.Path, log: pathlib.Path) -> Iterator[Reader]:
    """A reader of a project that consists of one file."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "README.md").write_text("hello\n", encoding="utf-8")
    script = "git init -q . && git add . && git -c user.name=a -c user.email=a@example.com commit -qm a"
    assert run_command(["sh", "-c", script], log, cwd=source).is_ok
    folder = tmp_path / "reader"
    folder.mkdir()
    with Reader(folder, source, ADDRESS) as somebody:
        yield somebody


def block(*lines: str) -> Block:
    (only,) = parse_blocks("a.md", "\n".join(lines) + "\n")
    return only


def test_reader_begins_in_a_clone_with_an_empty_home(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=True)
    assert reader.run(block("```console", "$ cat README.md", "hello", "```"), log) is None
    assert reader.run(block("```console", "$ ls $HOME | wc -l", "0", "```"), log) is None


def test_reader_clones_from_the_address_that_the_document_gives(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=False)
    assert reader.run(block("```shell", f"git clone {ADDRESS}", "cd proxmox", "```"), log) is None
    assert reader.run(block("```shell", "grep hello README.md", "```"), log) is None


def test_reader_keeps_folder_and_exported_variables_from_block_to_block(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=True)
    assert reader.run(block("```shell", "mkdir deep", "cd deep", "export COLOUR='light blue'", "```"), log) is None
    assert reader.run(block("```console", '$ echo "$COLOUR"; basename "$PWD"', "light blue", "deep", "```"), log) is None


def test_reader_fails_at_the_first_command_that_fails(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=True)
    problem = reader.run(block("```shell", "false", "echo later > later.txt", "```"), log)
    assert problem == "ended with status 1, expected 0"
    assert reader.run(block("```shell", "test ! -e later.txt", "```"), log) is None


def test_reader_wants_the_exit_status_and_the_text_that_the_marker_says(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=True)
    marker = '<!-- test: expect-exit=2 expect="no such" -->'
    assert reader.run(block(marker, "```shell", "echo no such thing; exit 2", "```"), log) is None
    assert reader.run(block(marker, "```shell", "echo other; exit 2", "```"), log) == "did not print: no such"
    assert reader.run(block(marker, "```shell", "echo no such thing", "```"), log) == "ended with status 0, expected 2"


def test_reader_misses_output_that_the_document_shows_and_the_command_does_not_print(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=True)
    assert reader.run(block("```console", "$ echo one", "two", "```"), log) == "did not print the line: two"


def test_reader_saves_a_file_for_a_later_command(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=True)
    assert reader.save(block("<!-- test: save=site/play.yml -->", "```yaml", "- hosts: all", "```")) is None
    assert reader.run(block("```shell", "grep hosts site/play.yml", "```"), log) is None


def test_reader_runs_python_with_the_library_of_the_clone(reader: Reader, log: pathlib.Path) -> None:
    reader.start(log, in_clone=True)
    assert reader.run(block('<!-- test: expect="plugins/module_utils" -->', "```python", "import os", 'print(os.environ["PYTHONPATH"])', "```"), log) is None
