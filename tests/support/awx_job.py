# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a playbook of the sample project as AWX does: ansible-runner in a private data directory, extra variables and environment in its files."""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ansible_runner

from .awx_rules import inject_credential

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOB_TIMEOUT_SECONDS = 300
TOKEN = "automation@pve!resize"


@dataclass
class Job:
    """How a job ended.

    Attributes:
        status: ``successful`` or ``failed``.
        changed: hosts' changed tasks.
        artifacts: what the playbook published with set_stats.
        output: what AWX shows as the job's output.
        results: result of each task by its name; of a loop the last.
    """

    status: str
    changed: int
    artifacts: dict[str, Any]
    output: str
    results: dict[str, dict[str, Any]]


class JobRunner:
    """Private data directories for jobs, one after the other, with the collection installed beside the project."""

    def __init__(self, collections: pathlib.Path, folder: pathlib.Path) -> None:
        self.collections = collections
        self.folder = folder
        self.count = 0

    def credential_of(self, simulator: Any, **inputs: Any) -> dict[str, Any]:
        """Return a credential of our type that leads to the simulator, as somebody fills it in."""
        user, token_id = TOKEN.split("!")
        ca = pathlib.Path(simulator.ca_path).read_text(encoding="utf-8")
        filled = {"host": simulator.host, "port": str(simulator.port), "user": user, "token_id": token_id, "token_secret": simulator.tokens[TOKEN], "ca": ca}
        return filled | inputs

    def run(
        self,
        playbook: str,
        variables: Mapping[str, Any],
        credential: Mapping[str, Any] | None,
        *,
        is_check: bool = False,
        options: str = "",
        **environment: str,
    ) -> Job:
        """Run ``project/playbook`` of a job template with these survey answers and this credential."""
        self.count += 1
        private = self.folder / f"job_{self.count}"
        shutil.copytree(ROOT / "awx" / "project", private / "project")
        for name in ("inventory", "env"):
            (private / name).mkdir()
        # AWX hands over the inventory as a program that prints this; ours has no hosts.
        (private / "inventory" / "hosts.json").write_text('{"all": {"hosts": {}}}\n', encoding="utf-8")
        definition = json.loads((ROOT / "awx" / "credential_type.json").read_text(encoding="utf-8"))
        injected = inject_credential(definition, credential, private / "env") if credential is not None else {}
        envvars = {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "PATH": f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin",
        }
        (private / "env" / "envvars").write_text(json.dumps({**envvars, **injected, **environment}), encoding="utf-8")
        # AWX adds variables of its own about the job.
        about = {"awx_job_id": self.count, "awx_job_launch_type": "manual"}
        (private / "env" / "extravars").write_text(json.dumps({**about, **variables}), encoding="utf-8")
        (private / "env" / "cmdline").write_text(f"{'--check --diff ' if is_check else ''}{options}", encoding="utf-8")
        (private / "env" / "settings").write_text(json.dumps({"job_timeout": JOB_TIMEOUT_SECONDS}), encoding="utf-8")
        runner = ansible_runner.run(private_data_dir=str(private), playbook=playbook, quiet=True, settings={"suppress_env_files": False})
        return _job_of(runner)


def _job_of(runner: Any) -> Job:
    results: dict[str, dict[str, Any]] = {}
    artifacts: dict[str, Any] = {}
    for event in runner.events:
        data = event.get("event_data", {})
        if event["event"] in ("runner_on_ok", "runner_on_failed"):
            results[data["task"]] = data["res"]
        elif event["event"] == "playbook_on_stats":
            artifacts = data.get("artifact_data") or {}
    stats = runner.stats or {}
    return Job(runner.status, sum(stats.get("changed", {}).values()), artifacts, runner.stdout.read(), results)
