# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run what README.md and docs/ tell a reader to type: in a fresh clone, with an empty home, in the order of the document.

Each document has its own reader: a clone, a home, and, from the first block that asks for it, a simulator. The folder and the exported
variables of one block are those that the next one begins with. fences.py says how a block is marked.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import tempfile

import yaml

from . import places
from .command import run_command
from .fences import COMMAND_LANGUAGES, DATA_LANGUAGES, Block, FenceError, command_lines, parse_blocks
from .reader import Reader
from .side_by_side import side_by_side
from .step import Outcome
from .tree import copy_project, known_files


def documents() -> list[str]:
    """Return the files whose commands are run, README.md first."""
    names = [name for name in known_files() if re.fullmatch(r"docs/.*\.md|CONTRIBUTING\.md", name)]
    return ["README.md", *names]


def repository_address() -> str:
    """Return the address that galaxy.yml gives for the repository; `git clone` of it is served from the copy."""
    return str(yaml.safe_load((places.ROOT / "galaxy.yml").read_text(encoding="utf-8"))["repository"])


def make_source(folder: pathlib.Path, log: pathlib.Path) -> None:
    """Make a git repository with one commit of the project as it stands here."""
    copy_project(folder)
    identity = ["-c", "user.name=reader", "-c", "user.email=reader@example.com"]
    for arguments in (["init", "--quiet"], ["add", "--all"], [*identity, "commit", "--quiet", "--message", "as it stands"]):
        done = run_command(["git", *arguments], log, cwd=folder)
        if not done.is_ok:
            raise RuntimeError(f"git {arguments[0]}: {done.output}")


def problem_of(block: Block, reader: Reader, log: pathlib.Path) -> str | None:
    """Run one block; return what went wrong, or None."""
    if block.language in DATA_LANGUAGES:
        load = json.loads if block.language == "json" else yaml.safe_load
        try:
            load(block.text)
        except ValueError as error:
            return f"is no {block.language}: {error}"
        except yaml.YAMLError as error:
            return f"is no YAML: {error}"
    if "data" in block.marker:
        return None
    if "save" in block.marker:
        return reader.save(block)
    return reader.run(block, log)


def is_left_to_others(block: Block) -> bool:
    """Say whether a block is not run here: it says by whom, or it needs root and we are not."""
    return "run-by" in block.marker or (block.marker.get("needs") == "root" and os.geteuid() != 0)


def note_of(block: Block) -> str:
    who = block.marker.get("run-by", "root")
    return f"not run here: {block.place} {'; '.join(command_lines(block.text))[:60]} (by {who}: {block.marker.get('reason', 'this is not root')})"


def run_document(document: str, blocks: list[Block], source: pathlib.Path, log: pathlib.Path) -> tuple[int, list[str], list[str]]:
    """Run the blocks of one document; return how many passed, the failures and the notes."""
    passed = 0
    failures: list[str] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="reader-") as folder, Reader(pathlib.Path(folder), source, repository_address()) as reader:
        reader.start(log, in_clone=not any("git clone" in block.text for block in blocks))
        for block in blocks:
            if is_left_to_others(block):
                notes.append(note_of(block))
                continue
            with open(log, "a", encoding="utf-8") as output:
                output.write(f"\n=== {block.place} ({block.language})\n")
            problem = problem_of(block, reader, log)
            if problem is None:
                passed += 1
            else:
                failures.append(f"{block.place}: {problem}")
    return passed, failures, notes


def blocks_of(document: str) -> list[Block]:
    """Return what is to be run or parsed of a document."""
    text = (places.ROOT / document).read_text(encoding="utf-8")
    return [block for block in parse_blocks(document, text) if block.language in COMMAND_LANGUAGES | DATA_LANGUAGES]


def readme_commands(log: pathlib.Path) -> Outcome:
    """Run all documents, two at a time. A document that cannot be parsed is a failure of its own."""
    blocks: dict[str, list[Block]] = {}
    failures: list[str] = []
    for document in documents():
        try:
            blocks[document] = blocks_of(document)
        except (FenceError, OSError) as error:
            failures.append(str(error))
    with tempfile.TemporaryDirectory(prefix="source-") as folder:
        source = pathlib.Path(folder) / "project"
        make_source(source, log)
        named = [document for document in blocks if blocks[document]]
        ended = side_by_side(named, lambda document, _place, own_log: run_document(document, blocks[document], source, own_log), log)
    passed = sum(document_passed for document_passed, _failures, _notes in ended)
    failures += [failure for _passed, document_failures, _notes in ended for failure in document_failures]
    notes = [note for _passed, _failures, document_notes in ended for note in document_notes]
    with open(log, "a", encoding="utf-8") as output:
        output.write("\n".join(["", *failures, ""]))
    return Outcome(passed, len(failures), passed + len(failures), "blocks run", tuple(notes + failures))
