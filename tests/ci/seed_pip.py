# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let ansible-test find pip without fetching a script from a host of its own.

ansible-test fills bare virtual environments by a get-pip script, which it downloads unless HOME/.ansible/test/cache/get_pip_X_Y_Z.py is
there. This puts a stand-in there that runs the very pip version which ansible-test asks for, from a wheel that pip itself fetched.

Source: ansible-core 2.17 to 2.21, test/lib/ansible_test/_internal/python_requirements.py (the versions) and
target/setup/bootstrap (the options). To be looked at again with a new ansible-core.
"""

from __future__ import annotations

import pathlib
import re

from . import places
from .command import run_command

STAND_IN = """\
import os
import runpy
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip-{version}-py3-none-any.whl"))
# The real get-pip knows these two; pip does not.
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install"] + wanted
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def pip_versions(source_text: str) -> list[str]:
    """Return the pip versions that ansible-test's python_requirements.py names, sorted; `pip='24.2'` gives 24.2."""
    return sorted(set(re.findall(r"pip=['\"]([0-9.]+)['\"]", source_text)))


def seed_pip(log: pathlib.Path) -> None:
    """Put a stand-in for each pip version into the cache of ansible-test under the checks' home.

    Raises:
        RuntimeError: ansible-test's source has moved, or a wheel could not be fetched.
    """
    sources = sorted((places.VENV_BIN.parent / "lib").glob("python3.*/site-packages/ansible_test/_internal/python_requirements.py"))
    versions = pip_versions(sources[0].read_text(encoding="utf-8")) if sources else []
    if not versions:
        raise RuntimeError("ansible-test does not say any more which pip it wants: look at tests/ci/seed_pip.py")
    cache = places.HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        wheel = cache / f"pip-{version}-py3-none-any.whl"
        fetch = ["python", "-m", "pip", "--quiet", "download", "--no-deps", "--only-binary=:all:", "-d", str(cache), f"pip=={version}"]
        if not wheel.exists() and not run_command(fetch, log).is_ok:
            raise RuntimeError(f"pip {version} could not be fetched")
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(STAND_IN.format(version=version), encoding="utf-8")
