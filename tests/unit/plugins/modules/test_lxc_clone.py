# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lxc_clone as a user runs it, and two plays at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible_collections.autoscale.proxmox.plugins.modules import lxc_clone

TOKEN = "root@pam!all"


@pytest.fixture
def clone(simulator, run):
    def clone(**options):
        return run("lxc_clone", **{"api_token_id": TOKEN, "api_token_secret": simulator.tokens[TOKEN], **options})

    yield clone
    for vmid in [int(vmid) for vmid in simulator.state()["guests"] if int(vmid) not in (5000, 9000, *range(101, 125))]:
        simulator.delete_guest(vmid)
    simulator.reset_requests()


def named(simulator, name):
    return [guest["vmid"] for guest in simulator.state()["guests"].values() if guest["config"].get("hostname") == name]


def test_check_mode_with_diff_shows_the_clones_and_makes_none(simulator, clone):
    wanted = {"source_name": "debian-template", "name": "web", "count": 2, "vmid_range": "200-299", "memory": "1G", "tags": ["web"], "start": True}
    result = clone(is_check=True, is_diff=True, **wanted)
    assert (result["changed"], result["msg"]) == (True, "2 of 2 containers would be changed")
    assert result["diff"]["before"] == {"200 (web-1)": {"state": "absent"}, "201 (web-2)": {"state": "absent"}}
    assert result["diff"]["after"]["200 (web-1)"] == {
        "state": "present",
        "status": "running",
        "tags": ["autoscale-clone", "web"],
        "cores": 1,
        "memory": 1024,
        "swap": 512,
    }
    assert (named(simulator, "web-1"), named(simulator, "web-2")) == ([], [])
    done = clone(is_diff=True, **wanted)
    assert done["diff"] == result["diff"]
    again = clone(is_diff=True, **wanted)
    assert (again["changed"], again["diff"], [entry["reason"] for entry in again["results"]]) == (False, {"before": {}, "after": {}}, ["unchanged"] * 2)


def test_removing_shows_what_was_there_and_is_done_once(simulator, clone):
    clone(source_vmid=102, name="copy", vmid=300, network={"ip": "10.99.1.77/24"})
    [vmid] = named(simulator, "copy")
    result = clone(is_diff=True, state="absent", name="copy")
    again = clone(is_diff=True, state="absent", name="copy")
    assert (vmid, result["changed"], again["changed"]) == (300, True, False)
    assert result["diff"]["after"] == {"300 (copy)": {"state": "absent"}}
    assert "ip=10.99.1.77/24" in result["diff"]["before"]["300 (copy)"]["net0"]
    assert (result["results"][0]["reason"], result["results"][0]["state"], result["results"][0]["source_vmid"]) == ("destroyed", "absent", 102)


def test_some_failing_clones_fail_the_task_with_every_result(clone):
    containers = [{"name": "good", "vmid": 300}, {"name": "bad", "source_vmid": 999}]
    result = clone(source_vmid=9000, containers=containers)
    assert (result["failed"], result["changed"]) == (True, True)
    assert [(entry["vmid"], entry["failed"], entry["reason"]) for entry in result["results"]] == [(300, False, "cloned"), (None, True, "not_found")]
    assert result["msg"].startswith("1 of 2 containers failed: bad: the source: there is no container 999 among the ")


def test_every_mistake_in_a_request_is_named_and_nothing_is_requested(simulator, clone):
    simulator.reset_requests()
    result = clone(source_vmid=9000, containers=[{"name": "under_score"}, {"name": "web", "network": {"ip": "192.0.2.300"}}], timeout=600)
    assert [problem["place"] for problem in result["problems"]] == ["containers[0].name", "containers[1].network.ip"]
    assert (result["failed"], simulator.requests()) == (True, [])


def test_a_token_without_the_right_to_clone_is_told_which_one_is_missing(simulator, run):
    token = "auditor@pve!read"
    result = run("lxc_clone", api_token_id=token, api_token_secret=simulator.tokens[token], source_vmid=9000, name="web-9")
    assert (result["results"][0]["reason"], result["results"][0]["msg"]) == (
        "permission_denied",
        "cloning 9000 (debian-template): missing privilege on /vms/9000: VM.Clone",
    )


def test_every_option_is_documented_with_the_type_that_it_has():
    from ansible_collections.autoscale.proxmox.plugins.module_utils._argspec import clone_options

    options = yaml.safe_load(lxc_clone.DOCUMENTATION)["options"]
    for name, option in clone_options().items():
        assert options[name]["type"] == option["type"], name
        assert options["containers"]["suboptions"][name] == options[name], name
    assert sorted(options["network"]["suboptions"]) == sorted(clone_options()["network"]["options"])


PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Make the clones of this play
      autoscale.proxmox.lxc_clone:
        source_vmid: {source}
        name: "{name}"
        count: 3
        memory: "+128"
        network: {network}
      register: clones
    - name: Show them
      ansible.builtin.debug:
        msg: "{{{{ clones.results | map(attribute='vmid') | list }}}}"
"""


def play_together(simulator, folder, plays):
    """Run a playbook each at the same time and return their exit statuses and outputs."""
    user, token_id = TOKEN.split("!")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PROXMOX_"))},
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(path for path in sys.path if (os.path.isdir(os.path.join(path, "ansible_collections")))),
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "PROXMOX_HOST": simulator.host,
        "PROXMOX_PORT": str(simulator.port),
        "PROXMOX_USER": user,
        "PROXMOX_TOKEN_ID": token_id,
        "PROXMOX_TOKEN_SECRET": simulator.tokens[TOKEN],
        "PROXMOX_CA_PATH": str(simulator.ca_path),
    }
    started = []
    for number, play in enumerate(plays):
        file = folder / f"play{number}.yml"
        file.write_text(PLAY.format(**{**play, "network": json.dumps(play.get("network") or {})}), encoding="utf-8")
        command = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen([*command, str(file)], env={**environment, "HOME": str(folder)}, **pipes))
    return [(process.communicate()[0], process.returncode) for process in started]


@pytest.mark.parametrize(
    ("source", "names", "expected"),
    [
        (9000, ("left", "right"), {"left": 1, "right": 1}),
        (9000, ("same", "same"), {"same": 1}),
        (102, ("loud", "quiet"), {"loud": 1, "quiet": 1}),
    ],
    ids=["different names, one template", "the same names", "one running source"],
)
def test_two_plays_at_once_end_without_a_failure_and_without_a_duplicate(simulator, clone, tmp_path, source, names, expected):
    ends = play_together(simulator, tmp_path, [{"source": source, "name": name} for name in names])
    for output, status in ends:
        print(output)
        assert (status, "failed=0" in output) == (0, True), output
    for name, count in expected.items():
        for number in range(1, 4):
            made = named(simulator, f"{name}-{number}")
            assert len(made) == count, (name, number, made)
            config = simulator.guest(made[0])["config"]
            assert config["tags"].startswith("autoscale-clone")
            assert "unfinished" not in config["description"]
    snapshots = [record["path"].rsplit("/", 1)[-1] for record in simulator.requests() if record["method"] == "DELETE" and "/snapshot/" in record["path"]]
    assert len(set(snapshots)) == (2 if source == 102 else 0)
