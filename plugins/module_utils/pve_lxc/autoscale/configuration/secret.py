# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the loop's secrets come from: a file, systemd's credentials, the environment; never the configuration file itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .document import Document

# Names below systemd's $CREDENTIALS_DIRECTORY, see LoadCredential= in systemd.exec(5).
_CREDENTIALS = {"token_secret": "token_secret", "password": "password"}
# The variables that community.proxmox reads as well.
_VARIABLES = {"token_secret": "PROXMOX_TOKEN_SECRET", "password": "PROXMOX_PASSWORD"}


def read_secrets(document: Document, section: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the token's secret and the password, empty where there is none; a missing one that is needed is noted.

    The file that the configuration names comes first, then systemd's credential, then the environment; an empty variable counts as unset.
    """
    needed = "token_secret" if section["token_id"] else "password"
    secrets = {name: _read_secret(document, name, str(section[f"{name}_file"]), environment) for name in _VARIABLES}
    file_key = f"{needed}_file"
    is_named = bool(section["token_id"] or section["user"])
    if is_named and not secrets[needed] and not section[file_key]:
        message = f"needed; or a systemd credential {_CREDENTIALS[needed]}, or the variable {_VARIABLES[needed]}"
        document.refuse(("connection", file_key), "", message)
    return secrets["token_secret"], secrets["password"]


def _read_secret(document: Document, name: str, file_path: str, environment: Mapping[str, str]) -> str:
    if file_path:
        return _read_file(document, name, file_path)
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(folder) / _CREDENTIALS[name] if folder else None
    if credential is not None and credential.is_file():
        return _read_file(document, name, str(credential))
    return environment.get(_VARIABLES[name], "")


def _read_file(document: Document, name: str, file_path: str) -> str:
    path = ("connection", f"{name}_file")
    try:
        secret = Path(file_path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        document.refuse(path, file_path, f"cannot be read: {getattr(error, 'strerror', None) or 'not text'}")
        return ""
    if not secret:
        document.refuse(path, file_path, "the file is empty")
    return secret
