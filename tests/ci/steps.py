# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of `make test` in their order, each with the least number of things it must look at.

A floor is raised when the project grows, and never lowered to make a run pass. What needs a Debian package comes last, because without
root the run ends there.
"""

from __future__ import annotations

from . import galaxy_steps, integration_step, lint_steps, readme_commands, sanity_step, system_steps, unit_steps
from .step import Step

STEPS = [
    Step("ruff check", "lint", lint_steps.ruff_check, floor=100),
    Step("ruff format", "lint", lint_steps.ruff_format, floor=100),
    Step("mypy strict: pve_lxc", "lint", lint_steps.mypy_library, floor=200),
    Step("mypy strict: tests/ci", "lint", lint_steps.mypy_checks, floor=15),
    Step("import-linter", "lint", lint_steps.import_floors, floor=7),
    Step("yamllint", "lint", lint_steps.yamllint, floor=50),
    Step("ansible-lint production", "lint", lint_steps.ansible_lint, floor=100),
    Step("antsibull-changelog", "lint", lint_steps.changelog, floor=2),
    Step("antsibull-docs", "lint", lint_steps.collection_docs, floor=7),
    Step("unit tests: library and simulator", "unit", unit_steps.unit_library, floor=2200),
    Step("unit tests: modules", "unit", unit_steps.unit_modules, floor=125),
    Step("ansible-test sanity", "sanity", sanity_step.ansible_test_sanity, floor=20),
    Step("collection build", "galaxy", galaxy_steps.build, floor=320),
    Step("galaxy-importer", "galaxy", galaxy_steps.importer, floor=1),
    Step("collection install", "galaxy", galaxy_steps.install, floor=320),
    Step("ansible-doc of the installed", "galaxy", galaxy_steps.documentation, floor=7),
    Step("commands of README and docs", "readme", readme_commands.readme_commands, floor=55),
    Step("AWX jobs under ansible-runner", "integration", unit_steps.awx_jobs, floor=20),
    # ansible-test makes itself a key pair before every integration run.
    Step("ansible-test integration", "integration", integration_step.integration, floor=6, packages={"ssh-keygen": "openssh-client"}),
    Step(
        "system tests: ssh",
        "system",
        system_steps.ssh_tests,
        floor=80,
        packages={"sshd": "openssh-server", "ssh-keygen": "openssh-client"},
    ),
    Step("report in a real browser", "system", system_steps.browser_tests, floor=14, packages={"chromium": "chromium"}),
    Step("system tests: sudo rules", "system", system_steps.sudo_tests, floor=60, packages={"visudo": "sudo"}, needs_root=True),
    Step("system tests: full disk", "system", system_steps.disk_tests, floor=10, needs_root=True),
    Step(
        "system tests: booted Debian",
        "system",
        system_steps.node_tests,
        floor=60,
        packages={
            "mmdebstrap": "mmdebstrap",
            "systemd-nspawn": "systemd-container",
            "ip": "iproute2",
            "nsenter": "util-linux",
            "pgrep": "procps",
            "ssh": "openssh-client",
            "ssh-keygen": "openssh-client",
        },
        needs_root=True,
    ),
    Step("shellcheck", "shell", lint_steps.shellcheck, floor=5, packages={"shellcheck": "shellcheck"}),
]
