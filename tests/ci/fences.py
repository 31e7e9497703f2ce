# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the fenced blocks of a Markdown file, and the HTML comment that says how a block is run.

A block may have a marker on the line above it::

    <!-- test: setup=simulator expect-exit=2 expect="401" -->

Words are separated as in a shell. Nothing is guessed: an unknown word, a block in an unknown language and a marker without a block
are errors, so that a command in the documentation cannot stay unexecuted by accident.
"""

from __future__ import annotations

import dataclasses
import re
import shlex

# Run as they stand; console blocks have commands after "$ " and the output below them.
COMMAND_LANGUAGES = {"shell", "console", "python"}

# YAML and JSON are parsed, and run or saved if the marker says so. The others are shown, not run.
DATA_LANGUAGES = {"yaml", "json"}
SHOWN_LANGUAGES = {"text", "diff", "ini", "jinja", "markdown", "promql", "sql"}

_COMMAND_KEYS = {"setup", "expect-exit", "expect", "needs", "run-by", "reason"}
_YAML_KEYS = {"playbook", "data", "save", "setup", "expect-exit", "expect", "check", "reason"}

_VALUES = {"setup": {"simulator"}, "needs": {"root"}, "run-by": {"make-test", "reader"}}

# Who runs a block that says run-by=make-test: the very run that is reading it, which cannot start itself again.
_MAKE_TEST_COMMANDS = {"make test", "sudo make test", "make test-user", "bash .ci/run"}


class FenceError(Exception):
    """A document says something about its blocks that cannot be followed."""


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        document: path of the file, relative to the checkout.
        line: line of the opening fence, from 1.
        language: the word after the fence.
        text: the lines between the fences, dedented by the fence's own indentation.
        marker: key -> value of the comment above; a bare word has the value "".
    """

    document: str
    line: int
    language: str
    text: str
    marker: dict[str, str]

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def parse_marker(text: str, place: str) -> dict[str, str]:
    """Return key -> value of a marker; `setup=simulator playbook` gives {"setup": "simulator", "playbook": ""}."""
    marker: dict[str, str] = {}
    for word in shlex.split(text):
        key, value = word.split("=", 1) if "=" in word else (word, "")
        if key in marker:
            raise FenceError(f"{place}: {key} is said twice")
        marker[key] = value
    return marker


def check_block(block: Block) -> Block:
    """Return the block, or raise FenceError if nobody could know what to do with it."""
    if block.language in COMMAND_LANGUAGES:
        allowed = _COMMAND_KEYS
    elif block.language in DATA_LANGUAGES:
        allowed = _YAML_KEYS
    elif block.language in SHOWN_LANGUAGES:
        allowed = set()
    else:
        raise FenceError(
            f"{block.place}: a block in {block.language or 'no language'}: say one of {', '.join(sorted(COMMAND_LANGUAGES | DATA_LANGUAGES | SHOWN_LANGUAGES))}"
        )
    unknown = sorted(set(block.marker) - allowed)
    if unknown:
        raise FenceError(f"{block.place}: unknown in a marker of a {block.language} block: {', '.join(unknown)}")
    for key, values in _VALUES.items():
        if key in block.marker and block.marker[key] not in values:
            raise FenceError(f"{block.place}: {key}={block.marker[key]}: allowed are {', '.join(sorted(values))}")
    if block.language in DATA_LANGUAGES and len({"playbook", "data", "save"} & set(block.marker)) != 1:
        raise FenceError(f"{block.place}: a {block.language} block needs a marker with one of: playbook, save=FILE, data")
    _check_who_runs_it(block)
    return block


def _check_who_runs_it(block: Block) -> None:
    who = block.marker.get("run-by")
    if who and not block.marker.get("reason"):
        raise FenceError(f'{block.place}: run-by={who} needs a reason="..."')
    strangers = [line for line in command_lines(block.text) if line not in _MAKE_TEST_COMMANDS]
    if who == "make-test" and strangers:
        raise FenceError(f"{block.place}: not run by make test: {strangers[0]}")


def command_lines(text: str) -> list[str]:
    """Return the lines that are neither empty nor a comment."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def parse_blocks(document: str, markdown: str) -> list[Block]:
    """Return the blocks of a document in their order.

    Raises:
        FenceError: for anything that would leave a command unexecuted without a word.
    """
    blocks: list[Block] = []
    marker: dict[str, str] = {}
    marker_line = 0
    opened: tuple[int, str, str] | None = None
    body: list[str] = []
    for number, line in enumerate(markdown.splitlines(), start=1):
        fence = re.fullmatch(r"( *)```(\S*)\s*", line)
        comment = re.fullmatch(r"\s*<!--\s*test:(.*?)-->\s*", line)
        if opened is not None:
            start, indent, language = opened
            if fence and not fence.group(2):
                text = "".join(f"{row.removeprefix(indent)}\n" for row in body)
                blocks.append(check_block(Block(document, start, language, text, marker)))
                opened, body, marker, marker_line = None, [], {}, 0
            else:
                body.append(line)
        elif fence:
            opened = (number, fence.group(1), fence.group(2))
        elif comment:
            marker, marker_line = parse_marker(comment.group(1), f"{document}:{number}"), number
        elif line.strip() and marker_line:
            raise FenceError(f"{document}:{marker_line}: a marker without a block below it")
    if opened is not None or marker_line:
        raise FenceError(f"{document}:{opened[0] if opened else marker_line}: the file ends here in the middle of a block")
    return blocks


def split_console(text: str) -> tuple[str, list[str]]:
    """Return the commands of a console block as one script, and the output lines that the document shows.

    `$ make help` followed by `Usage ...` gives ("make help", ["Usage ..."]). A command goes on in lines that begin with "> ".
    """
    commands: list[str] = []
    shown: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append(line.removeprefix("$ "))
        elif line.startswith("> ") and commands and not shown:
            commands.append(line.removeprefix("> "))
        elif line.strip():
            shown.append(line)
    return "\n".join(commands) + "\n", shown


def missing_line(shown: list[str], output: str) -> str | None:
    """Return the first line of a document's output that the real output does not have in that order, or None.

    `...` in a shown line stands for any text; a line that is only `...` stands for any number of lines.
    """
    real = [line.rstrip() for line in output.splitlines()]
    position = 0
    for line in shown:
        if line.strip() == "...":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.rstrip().split("...")))
        while position < len(real) and not pattern.fullmatch(real[position]):
            position += 1
        if position == len(real):
            return line
        position += 1
    return None
