# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party packages, imported when first used and only here.

requests alone costs a tenth of a second and paramiko more, so nothing is imported before it is needed. A missing
package is a DependencyError that names it for pip and for apt; proxmoxer itself would end the process.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import DependencyError

# import name -> (name on PyPI, Debian package). To be updated with requirements.txt.
_PACKAGES = {
    "proxmoxer": ("proxmoxer", "python3-proxmoxer"),
    "requests": ("requests", "python3-requests"),
    "paramiko": ("paramiko", "python3-paramiko"),
    "yaml": ("PyYAML", "python3-yaml"),
}


def _import(name: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        pip_name, debian_package = _PACKAGES[name]
        remedy = f"pip install {pip_name}, or apt install {debian_package}"
        raise DependencyError(f"the Python package {name} is needed here and cannot be imported ({error}): {remedy}") from error


def import_requests() -> ModuleType:
    """Return the package ``requests``.

    Raises:
        DependencyError: it is not installed.
    """
    return _import("requests", "requests")


def import_proxmoxer_core() -> ModuleType:
    """Return ``proxmoxer.core``, which holds the resource paths; 1.2, 2.2 and 2.3 are alike there.

    requests is imported first because proxmoxer calls ``sys.exit`` when it is missing.

    Raises:
        DependencyError: proxmoxer or requests is not installed.
    """
    import_requests()
    return _import("proxmoxer", "proxmoxer.core")


def import_paramiko() -> ModuleType:
    """Return the package ``paramiko``.

    Raises:
        DependencyError: it is not installed.
    """
    return _import("paramiko", "paramiko")


def import_yaml() -> ModuleType:
    """Return the package ``yaml``.

    Raises:
        DependencyError: it is not installed.
    """
    return _import("yaml", "yaml")
