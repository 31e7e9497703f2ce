# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to run a module at all: CPU time and memory of its process, against ansible.builtin.ping.

Each module is packed once by Ansible itself (AnsiballZ, kept by ANSIBLE_KEEP_REMOTE_FILES) and that file is run again and again. lxc_info reads the cluster,
lxc_resize the cluster and one configuration; ping does nothing, so that the import of requests, a TLS connection and those reads count against us.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import statistics
import subprocess

from cluster import CACHE, VENV_BIN, process_environment
from figures import Figure, needs
from harness import Simulator

ROUNDS = 21
PING = "ansible.builtin.ping"


def run_module_start(simulator: Simulator, vmid: int) -> list[Figure]:
    """Return CPU and memory of lxc_info and lxc_resize against ping."""
    cores = str(simulator.guest(vmid)["config"]["cores"])
    tasks = {PING: {}, "autoscale.proxmox.lxc_info": {"vmids": [vmid]}, "autoscale.proxmox.lxc_resize": {"vmid": vmid, "cores": cores}}
    environment = process_environment(simulator, VENV_BIN)
    packed = _pack(tasks, environment)
    mebibytes = {name: _memory_mebibytes(path, environment) for name, path in packed.items()}
    milliseconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _round in range(ROUNDS):
        for name, path in packed.items():
            used = _run(path, environment)
            milliseconds[name].append((used.ru_utime + used.ru_stime) * 1000)
    figures = []
    for name in tasks.keys() - {PING}:
        # Of neighbours in time, because the machine's speed varies from minute to minute.
        ratio = statistics.median(ours / theirs for ours, theirs in zip(milliseconds[name], milliseconds[PING]))
        ours, theirs = statistics.median(milliseconds[name]), statistics.median(milliseconds[PING])
        short = name.rpartition(".")[2]
        figures.append(Figure(f"{short} with its reads, CPU", ours, theirs, PING, "ms", ratio, "<= 1.7"))
        figures.append(needs(f"{short} with its reads, memory", mebibytes[name], mebibytes[PING], PING, "MiB"))
    return sorted(figures, key=lambda figure: figure.name)


def _pack(tasks: dict[str, dict[str, object]], environment: dict[str, str]) -> dict[str, pathlib.Path]:
    """Let Ansible pack the modules and return the file of each."""
    folder = CACHE / "packed"
    shutil.rmtree(folder, ignore_errors=True)
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [{name: options} for name, options in tasks.items()],
    }
    playbook = CACHE / "pack.json"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    kept = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TMP": str(folder), "ANSIBLE_STDOUT_CALLBACK": "default"}
    done = subprocess.run(
        [VENV_BIN / "ansible-playbook", playbook], env=environment | kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return {name: next(folder.glob(f"*/AnsiballZ_{name.rpartition('.')[2]}.py")) for name in tasks}


def _run(path: pathlib.Path, environment: dict[str, str]) -> os.struct_rusage:
    """Run a packed module and return what its process used."""
    with subprocess.Popen([VENV_BIN / "python", path], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{path.name} ended with {process.returncode}")
    return used


def _memory_mebibytes(path: pathlib.Path, environment: dict[str, str]) -> float:
    """Return the most memory that a packed module's process held.

    Asked from inside, at its end: what the kernel tells a parent (ru_maxrss) counts the parent's own memory too.
    """
    report = CACHE / "memory"
    program = (
        "import atexit, pathlib, runpy, sys\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "atexit.register(lambda: pathlib.Path(sys.argv[2]).write_text(status.read_text()))\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')\n"
    )
    command = [VENV_BIN / "python", "-c", program, path, report]
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    [line] = [line for line in report.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:")]
    return float(line.split()[1]) / 1024
