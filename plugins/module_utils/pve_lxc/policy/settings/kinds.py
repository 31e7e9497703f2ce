# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fields of a settings record may hold: each function returns the metadata from which a value of the configuration is checked."""

from __future__ import annotations

from typing import Any


def number(low: float, high: float, about: str) -> dict[str, Any]:
    """Return the metadata of a field that holds a number: its allowed range and what it is for."""
    return {"kind": "number", "low": low, "high": high, "about": about}


def whole(low: int, high: int, about: str) -> dict[str, Any]:
    """Return the metadata of a field that holds a whole number: its allowed range and what it is for."""
    return {"kind": "whole", "low": low, "high": high, "about": about}


def switch(about: str) -> dict[str, Any]:
    """Return the metadata of a field that holds true or false, and what it is for."""
    return {"kind": "switch", "about": about}


def choice(allowed: tuple[str, ...], about: str) -> dict[str, Any]:
    """Return the metadata of a field that holds one of some words, and what it is for."""
    return {"kind": "choice", "allowed": allowed, "about": about}


def of_node(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a field that is said of the whole node, so that no tier and no single container may have its own."""
    return {**metadata, "is_of_node": True}
