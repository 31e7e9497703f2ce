# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lxc_autoscale_engine: what arrives on a node, when it is replaced, what becomes of old versions."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

import pytest
import yaml
from ansible_collections.autoscale.proxmox.plugins.module_utils import _engine
from ansible_collections.autoscale.proxmox.plugins.module_utils._engine import EngineFolder, folder_name
from ansible_collections.autoscale.proxmox.plugins.module_utils.pve_lxc.version import VERSION
from ansible_collections.autoscale.proxmox.plugins.modules import lxc_autoscale_engine
from ansible_collections.autoscale.proxmox.plugins.modules.lxc_autoscale_engine import describe_folder, make_absent, make_present

ROOT = pathlib.Path(__file__).resolve().parents[4]
LIBRARY = ROOT / "plugins" / "module_utils" / "pve_lxc"
# What the command line does not reach stays at home: what only the modules need, the library for asyncio, the script that makes the schema.
STAYS = re.compile(
    r"operations/(clone|power)(_\w+)?\.py|operations/(facts|find|resize|resize_carry_out|resize_decision|resize_job)\.py"
    r"|transport/ssh(_login)?\.py|backend/aio\.py|autoscale/configuration/schema\.py|__main__\.py"
)
OLD = ("0.0.1-aaaaaaaaaaaa", "0.0.2-bbbbbbbbbbbb", "0.0.3-cccccccccccc")
NAME = re.compile(rf"{re.escape(VERSION)}-[0-9a-f]{{12}}")


def play(folder, target, *arguments):
    """Run the module as a playbook does, in the archive that Ansible packs, and return Ansible's output."""
    variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    tasks = [{"autoscale.proxmox.lxc_autoscale_engine": {"path": str(target), "current": True}}]
    (folder / "play.json").write_text(json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": next(path for path in sys.path if (pathlib.Path(path) / "ansible_collections" / "autoscale").is_dir()),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }
    command = [pathlib.Path(sys.executable).parent / "ansible-playbook", *arguments, folder / "play.json"]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def arrived(tmp_path_factory):
    """The folder that `current` leads to, after Ansible has packed the module and run it twice; and what it said the second time."""
    folder = tmp_path_factory.mktemp("node")
    play(folder, folder / "lib")
    again = play(folder, folder / "lib")
    return folder / "lib" / "current", again


def test_what_arrives_is_what_is_on_disk_less_what_the_command_line_does_not_reach(arrived):
    on_disk = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py")}
    there = {path.relative_to(arrived[0] / "pve_lxc").as_posix(): path for path in (arrived[0] / "pve_lxc").rglob("*.py")}
    assert sorted(on_disk - set(there)) == sorted(name for name in on_disk if STAYS.fullmatch(name))
    assert [name for name, path in there.items() if path.read_text(encoding="utf-8") != (LIBRARY / name).read_text(encoding="utf-8")] == []
    assert len(there) >= 110


def test_every_file_that_arrives_can_be_imported_by_itself_and_the_command_line_runs(arrived):
    names = [path.relative_to(arrived[0]).with_suffix("").as_posix().replace("/", ".") for path in (arrived[0] / "pve_lxc").rglob("*.py")]
    code = f"import sys, importlib; sys.path.insert(0, {str(arrived[0])!r}); [importlib.import_module(name) for name in {names!r}]"
    subprocess.run([sys.executable, "-I", "-B", "-c", code], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    done = subprocess.run([sys.executable, "-I", "-B", arrived[0], "--version"], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == f"lxc-autoscale {VERSION}\n"


def test_the_same_code_again_changes_nothing(arrived):
    assert "changed=0" in arrived[1]


def test_a_cycle_compiles_nothing_but_what_somebody_has_edited(arrived, tmp_path):
    folder = os.fspath(shutil.copytree(arrived[0], tmp_path / "copy"))
    look = f"lambda event, arguments: event == 'compile' and {folder!r} in str(arguments[1]) and print(arguments[1])"
    code = f"import sys; sys.path.insert(0, {folder!r}); sys.addaudithook({look}); import pve_lxc.cli"
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == ""
    edited = tmp_path / "copy" / "pve_lxc" / "units.py"
    edited.write_text(edited.read_text() + "# edited by hand\n")
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout.endswith("pve_lxc/units.py\n")


def test_a_defect_does_not_end_like_a_cycle_with_failed_containers(arrived, tmp_path):
    (tmp_path / "pve_lxc").mkdir()
    (tmp_path / "pve_lxc" / "__init__.py").touch()
    (tmp_path / "pve_lxc" / "cli.py").write_text("def main():\n    raise KeyError('oops')\n")
    (tmp_path / "__main__.py").write_text((arrived[0] / "__main__.py").read_text())
    done = subprocess.run([sys.executable, "-I", "-B", tmp_path], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, "KeyError: 'oops'" in done.stderr) == (70, True)


SOURCES = {
    "__main__.py": "from pve_lxc.cli import main\n",
    **{f"pve_lxc/{name}.py": f'"""{name}"""\n' for name in ("__init__", "cli", "clock", "errors", "units")},
    "pve_lxc/policy/__init__.py": "",
}


@pytest.fixture
def engine(tmp_path):
    """Do what the module does, with a library of five files, and return its answer with both sides of its diff."""

    def engine(*, is_check=False, **options):
        folder = EngineFolder(str(tmp_path / "lib"))
        before = describe_folder(folder)
        params = {"current": False, "keep": 2, **options}
        result = make_absent(folder, is_check) if params.get("state") == "absent" else make_present(folder, SOURCES, params, is_check)
        assert is_check or result["planned"] == describe_folder(folder)
        return {**result, "current": folder.current() or "", "diff": {"before": before, "after": result["planned"]}}

    return engine


def entries(tmp_path):
    return sorted(path.name for path in (tmp_path / "lib").iterdir())


def make_old(tmp_path, *names):
    for number, name in enumerate(names):
        (tmp_path / "lib" / name).mkdir(parents=True)
        os.utime(tmp_path / "lib" / name, (1000 + number, 1000 + number))


def test_a_version_is_put_there_without_being_the_current_one(engine, tmp_path):
    result = engine()
    assert NAME.fullmatch(result["name"])
    assert (result["changed"], result["is_installed"], result["current"], result["msg"]) == (True, True, "", f"{result['name']}: installed")
    assert result["folder"] == str(tmp_path / "lib" / result["name"])
    assert entries(tmp_path) == [result["name"]]
    assert result["diff"]["after"] == f"{result['name']}\n"


def test_it_is_made_current_by_a_link(engine, tmp_path):
    engine()
    result = engine(current=True)
    assert (result["changed"], result["current"], result["msg"]) == (True, result["name"], f"{result['name']}: made current")
    assert os.readlink(tmp_path / "lib" / "current") == result["name"]
    assert (result["diff"]["before"], result["diff"]["after"]) == (f"{result['name']}\n", f"{result['name']} (current)\n")
    assert engine(current=True)["changed"] is False


def test_check_mode_says_the_same_and_writes_nothing(engine, tmp_path):
    result = engine(is_check=True, current=True)
    assert (result["changed"], result["is_installed"], result["current"]) == (True, False, "")
    assert result["diff"]["after"] == f"{result['name']} (current)\n"
    assert not (tmp_path / "lib").exists()
    done = engine(current=True)
    assert done["diff"] == result["diff"]
    assert engine(is_check=True, current=True)["changed"] is False


def test_everybody_may_read_it_and_only_the_owner_may_write(engine, tmp_path):
    old = os.umask(0o077)
    try:
        engine()
    finally:
        os.umask(old)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "lib").rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "lib").rglob("*") if path.is_dir()}
    assert (modes, folders) == ({0o644}, {0o755})


@pytest.mark.parametrize(
    ("damage", "deviation"),
    [
        (lambda folder: (folder / "pve_lxc" / "cli.py").write_text("raise SystemExit(0)\n"), "pve_lxc/cli.py"),
        (lambda folder: (folder / "pve_lxc" / "units.py").unlink(), "pve_lxc/units.py"),
        (lambda folder: (folder / "__main__.py").write_text(""), "__main__.py"),
        (lambda folder: (folder / "pve_lxc" / "more.py").write_text("x = 1\n"), "pve_lxc/more.py"),
        (lambda folder: next((folder / "pve_lxc" / "__pycache__").glob("errors.*")).write_bytes(b"half"), "pve_lxc/errors.py"),
        (lambda folder: next((folder / "pve_lxc" / "__pycache__").glob("clock.*")).unlink(), "pve_lxc/clock.py"),
    ],
    ids=["changed", "missing", "launcher", "foreign", "compiled half", "not compiled"],
)
def test_a_folder_that_is_not_whole_is_replaced(engine, tmp_path, damage, deviation):
    first = engine(current=True)
    damage(pathlib.Path(first["folder"]))
    result = engine(current=True)
    assert (result["changed"], result["deviations"], result["msg"]) == (True, [deviation], f"{first['name']}: repaired")
    assert engine(current=True)["changed"] is False
    assert entries(tmp_path) == [first["name"], "current"]


def test_compiled_files_of_another_python_are_no_deviation(engine):
    cache = pathlib.Path(engine()["folder"]) / "pve_lxc" / "__pycache__"
    (cache / "cli.cpython-399.pyc").write_bytes(b"of an older Debian")
    assert engine()["changed"] is False


def test_what_a_killed_run_left_behind_is_never_current_and_is_cleared_away(engine, tmp_path):
    (tmp_path / "lib" / ".new-half" / "pve_lxc").mkdir(parents=True)
    (tmp_path / "lib" / ".old-half" / "replaced").mkdir(parents=True)
    result = engine(current=True)
    assert entries(tmp_path) == [result["name"], "current"]


def test_a_copy_that_breaks_off_is_not_there_at_all(tmp_path, monkeypatch):
    written = []

    def break_off(root, path, text):
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        kept(root, path, text)

    kept = _engine._write_source
    monkeypatch.setattr(_engine, "_write_source", break_off)
    folder = EngineFolder(str(tmp_path))
    with pytest.raises(OSError, match="No space left"):
        folder.install("0.1.0-0123456789ab", {"__main__.py": "", "pve_lxc/__init__.py": "", "pve_lxc/cli.py": "x = 1\n"})
    assert folder.versions() == []
    assert folder.current() is None


def test_the_newest_old_versions_are_kept_and_the_others_go_when_the_new_one_becomes_current(engine, tmp_path):
    make_old(tmp_path, *OLD)
    assert engine()["removed"] == []
    result = engine(current=True, keep=2)
    assert result["removed"] == ["0.0.1-aaaaaaaaaaaa"]
    assert entries(tmp_path) == [*OLD[1:], result["name"], "current"]
    assert engine(current=True, keep=0)["removed"] == ["0.0.3-cccccccccccc", "0.0.2-bbbbbbbbbbbb"]


def test_the_version_that_was_current_is_kept_as_the_one_to_go_back_to(engine, tmp_path):
    make_old(tmp_path, *OLD)
    EngineFolder(str(tmp_path / "lib")).switch("0.0.3-cccccccccccc")
    result = engine(current=True, keep=1)
    assert entries(tmp_path) == ["0.0.3-cccccccccccc", result["name"], "current"]


def test_absent_removes_versions_and_link_and_leaves_what_is_not_ours(engine, tmp_path):
    engine(current=True)
    (tmp_path / "lib" / "notes.txt").write_text("mine")
    assert engine(is_check=True, state="absent")["changed"] is True
    assert len(entries(tmp_path)) == 3
    result = engine(state="absent")
    assert (result["changed"], result["diff"]["after"]) == (True, "")
    assert entries(tmp_path) == ["notes.txt"]
    assert engine(state="absent")["changed"] is False
    (tmp_path / "lib" / "notes.txt").unlink()
    engine()
    engine(state="absent")
    assert not (tmp_path / "lib").exists()


@pytest.fixture
def run_module(tmp_path):
    """Run the whole module from the checkout in a process of its own."""

    def run_module(**options):
        file = tmp_path / "arguments.json"
        file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"path": str(tmp_path / "lib"), **options}}), encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-m", "ansible_collections.autoscale.proxmox.plugins.modules.lxc_autoscale_engine", str(file)]
        return json.loads(subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout)

    return run_module


def test_what_cannot_be_written_is_an_error_with_its_reason(run_module, tmp_path):
    (tmp_path / "lib").write_text("a file")
    result = run_module()
    assert result["failed"] is True
    assert result["msg"].startswith(f"{tmp_path}/lib cannot be changed: ")


def test_a_negative_number_of_versions_is_refused(run_module):
    assert run_module(current=True, keep=-1)["msg"] == "keep = -1: allowed is 0 or more"


def test_the_diff_and_every_documented_value_come_out(run_module, tmp_path):
    result = run_module(_ansible_check_mode=True, _ansible_diff=True, current=True)
    documented = set(yaml.safe_load(lxc_autoscale_engine.RETURN))
    assert documented <= set(result)
    assert set(result) - documented <= {"changed", "diff", "invocation", "failed", "warnings", "deprecations"}
    assert result["diff"] == {
        "before_header": f"{tmp_path}/lib",
        "after_header": f"{tmp_path}/lib",
        "before": "",
        "after": f"{result['name']} (current)\n",
    }
    assert not (tmp_path / "lib").exists()


def test_the_name_follows_from_the_content_and_from_nothing_else():
    sources = {"__main__.py": "", "pve_lxc/cli.py": "x = 1\n"}
    assert folder_name(sources) == folder_name(dict(reversed(sources.items())))
    assert folder_name(sources) != folder_name({**sources, "pve_lxc/cli.py": "x = 2\n"})
    assert folder_name({"a": "b", "c": ""}) != folder_name({"a": "", "bc": ""})
