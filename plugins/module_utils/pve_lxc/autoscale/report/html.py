# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML as values: text is escaped where it becomes HTML, so that nothing from outside can be taken for markup."""

from __future__ import annotations

import html


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | float | None) -> Html:
    """Return an element: ``tag("b", "1 < 2", class_="x")`` is ``<b class="x">1 &lt; 2</b>``.

    Args:
        name: of the element.
        children: text, which is escaped, or Html, which is not.
        attributes: ``aria_label`` stands for ``aria-label`` and ``class_`` for ``class``; None leaves one out.
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"' for key, value in attributes.items() if value is not None)
    return Html(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str) -> Html:
    """Return text and Html one after the other, as Html."""
    return Html("".join(child if isinstance(child, Html) else html.escape(child) for child in children))
