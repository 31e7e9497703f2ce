# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the report looks: two sets of colours with enough contrast, for light and for dark screens, and a layout for phones and desks."""

from __future__ import annotations

from collections.abc import Mapping

# Every one of them is read on ``paper`` and on ``panel``: at least 4.5 : 1 (WCAG 2.2, 1.4.3).
LIGHT: Mapping[str, str] = {
    "paper": "#f6f7f9",
    "panel": "#ffffff",
    "ink": "#1a2027",
    "soft": "#545f6b",
    "limit": "#a8470c",
    "used": "#1f5fa8",
    "found": "#5f6872",
    "good": "#1a6b3c",
    "bad": "#b3261e",
}
DARK: Mapping[str, str] = {
    "paper": "#11151a",
    "panel": "#1a2027",
    "ink": "#e7eaee",
    "soft": "#a3aebb",
    "limit": "#f2a56d",
    "used": "#7fb6f0",
    "found": "#949fab",
    "good": "#7bd19b",
    "bad": "#ff9a90",
}
_LINES = {"light": "#d5dae0", "dark": "#343d48"}


def _variables(colours: Mapping[str, str], line: str) -> str:
    return " ".join(f"--{name}: {value};" for name, value in {**colours, "line": line}.items())


_RULES = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
footer { padding-bottom: 3rem; color: var(--soft); font-size: .9rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .7rem; }
h3 { font-size: 1.05rem; margin: 0; }
p { margin: .3rem 0; max-width: 52rem; }
a { color: var(--used); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--used); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .3rem .6rem; background: var(--panel); }
.soft { color: var(--soft); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
.verdict { margin: 1.1rem 0; max-width: none; border-left-width: .45rem; font-size: 1.1rem; }
.verdict.good { border-left-color: var(--good); }
.verdict.bad { border-left-color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(14.5rem, 1fr)); gap: .8rem; padding: 0; margin: 1rem 0; list-style: none; }
.figures b { display: block; font-size: 1.55rem; line-height: 1.25; white-space: nowrap; }
.figures span { display: block; line-height: 1.35; }
.figures .soft { font-size: .92rem; }
.attention { padding-left: 1.2rem; margin: 0; }
.attention li { margin: .3rem 0; }
.scroll { overflow-x: auto; padding: 0; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; overflow-wrap: normal; }
caption { text-align: left; color: var(--soft); padding: .6rem .8rem; }
th, td { text-align: right; padding: .4rem .7rem; border-top: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; border-top: 0; white-space: normal; vertical-align: bottom; }
th.text, td.text, tbody th { text-align: left; }
tbody th { font-weight: 600; position: sticky; left: 0; background: var(--panel); max-width: 11rem; overflow: hidden; text-overflow: ellipsis; }
tfoot td, tfoot th { font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); gap: 1rem; }
.card { min-width: 0; }
.card > p { font-size: .92rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: .8rem; margin-top: .6rem; }
.wide { grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .88rem; color: var(--soft); }
svg { width: 100%; height: auto; display: block; overflow: visible; }
svg text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--line); stroke-width: 1; }
.limit { fill: none; stroke: var(--limit); stroke-width: 2; }
.used { fill: none; stroke: var(--used); stroke-width: 1.4; }
.peak { fill: none; stroke: var(--used); stroke-width: 1; stroke-dasharray: 1 2.5; }
.area { fill: var(--used); opacity: .13; stroke: none; }
.found { fill: none; stroke: var(--found); stroke-width: 1.3; stroke-dasharray: 6 4; }
.mark path { fill: var(--limit); stroke: var(--panel); stroke-width: .6; }
.mark .failed { fill: none; stroke: var(--bad); stroke-width: 2; }
.mark circle { fill: transparent; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; padding: 0; margin: .4rem 0 .8rem; list-style: none; font-size: .9rem; color: var(--soft); }
.key svg { display: inline-block; width: 2rem; height: .9rem; vertical-align: middle; margin-right: .4rem; }
details { margin-top: .6rem; font-size: .92rem; }
summary { cursor: pointer; }
.changes { padding-left: 1.1rem; margin: .4rem 0 0; }
.badge { display: inline-block; border: 1px solid; border-radius: 1rem; padding: 0 .55rem; font-size: .82rem; font-weight: 600; margin-left: .4rem; }
.bar { background: var(--used); height: .7rem; border-radius: .2rem; min-width: 2px; display: block; }
.bars td:last-child { width: 45%; min-width: 6rem; }
@media (max-width: 30rem) {
  h1 { font-size: 1.35rem; }
  .figures { grid-template-columns: 1fr 1fr; } .figures b { font-size: 1.2rem; }
  .panel { padding: .7rem .8rem; } .scroll { padding: 0; }
}
@media print { .card, tr { break-inside: avoid; } details::details-content { content-visibility: visible; } }
"""

STYLE = (
    f":root {{ color-scheme: light dark; {_variables(LIGHT, _LINES['light'])} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK, _LINES['dark'])} }} }}\n{_RULES}"
)
