# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ci.fences import FenceError, missing_line, parse_blocks, split_console


def document(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_block_has_its_place_its_language_its_text_and_its_marker() -> None:
    text = document("# Title", "", '<!-- test: setup=simulator expect="two words" -->', "```shell", "echo one", "echo two", "```")
    (block,) = parse_blocks("README.md", text)
    assert (block.place, block.language, block.text) == ("README.md:4", "shell", "echo one\necho two\n")
    assert block.marker == {"setup": "simulator", "expect": "two words"}


def test_block_inside_a_list_loses_the_indentation_of_its_fence() -> None:
    (block,) = parse_blocks("a.md", document("* first", "  ```shell", "  if true; then", "    echo x", "  fi", "  ```"))
    assert block.text == "if true; then\n  echo x\nfi\n"


def test_fence_shown_inside_a_block_stays_text() -> None:
    (block,) = parse_blocks("a.md", document("```text", "<!-- test: nonsense -->", "```shell", "```"))
    assert block.text == "<!-- test: nonsense -->\n```shell\n"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["```", "make test", "```"], "a.md:1: a block in no language"),
        (["```bash", "make test", "```"], "a.md:1: a block in bash"),
        (["<!-- test: skip -->", "```shell", "true", "```"], "a.md:2: unknown in a marker of a shell block: skip"),
        (["<!-- test: setup=cluster -->", "```shell", "true", "```"], "a.md:2: setup=cluster: allowed are simulator"),
        (["<!-- test: needs=root needs=root -->", "```shell", "true", "```"], "a.md:1: needs is said twice"),
        (["<!-- test: run-by=reader -->", "```shell", "pveum user list", "```"], 'a.md:2: run-by=reader needs a reason="..."'),
        (['<!-- test: run-by=make-test reason="it runs" -->', "```shell", "make demo", "```"], "a.md:2: not run by make test: make demo"),
        (["```yaml", "- hosts: all", "```"], "a.md:1: a yaml block needs a marker with one of: playbook, save=FILE, data"),
        (["<!-- test: data -->", "", "Text."], "a.md:1: a marker without a block below it"),
        (["```shell", "true"], "a.md:1: the file ends here in the middle of a block"),
    ],
)
def test_document_is_refused_when_a_command_could_stay_unexecuted(lines: list[str], complaint: str) -> None:
    with pytest.raises(FenceError) as caught:
        parse_blocks("a.md", document(*lines))
    assert str(caught.value).startswith(complaint)


def test_make_test_itself_may_be_left_to_the_run_that_reads_it() -> None:
    (block,) = parse_blocks(
        "a.md", document('<!-- test: run-by=make-test reason="this run" -->', "```shell", "make test   # all", "```".strip()).replace("   # all", "")
    )
    assert block.marker["run-by"] == "make-test"


def test_console_block_is_split_into_commands_and_shown_output() -> None:
    script, shown = split_console("$ for i in 1 2; do\n> echo $i\n> done\n1\n2\n$ true\n")
    assert script == "for i in 1 2; do\necho $i\ndone\ntrue\n"
    assert shown == ["1", "2"]


def test_shown_output_is_found_when_it_comes_in_order_with_other_lines_between() -> None:
    assert missing_line(["first", "...", "took ... s"], "zero\nfirst\nsecond\ntook 12 s\n") is None


def test_shown_output_is_missed_when_it_comes_in_another_order() -> None:
    assert missing_line(["second", "first"], "first\nsecond\n") == "first"


def test_shown_output_is_missed_when_only_part_of_a_line_agrees() -> None:
    assert missing_line(["ok"], "not ok\n") == "ok"
