# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real Chromium: on a desk and on a phone, light and dark; what it asks for, what it complains of, whether it fits."""

from __future__ import annotations

import pathlib
import struct
import zlib

import pytest
from pve_lxc.autoscale.report.data import make_report
from pve_lxc.autoscale.report.page import format_page
from pve_lxc.autoscale.report.times import parse_zone
from support.chromium import Browser
from support.report_fakes import NOW, baseline, change, decision, gathered, rolled_back, row, sizes

EVIL = "<img src=http://192.0.2.1/x onerror=alert(1)>"
LONG = "a-name-as-long-as-proxmox-allows-which-is-sixty-three-characters"
DESK, PHONE = (1280, 900), (390, 844)
SCREENS = [(size, scheme) for size in (DESK, PHONE) for scheme in ("light", "dark")]
IDS = ["desk light", "desk dark", "phone light", "phone dark"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return a page with everything that a report can have."""
    rows = [row(23 - hours, 0.5 + hours % 5 / 10, 300.0 + 10 * hours) for hours in range(24) if hours not in (7, 8, 9)]
    loop = gathered(
        [
            decision(101, sizes(1024), name=LONG, msg=EVIL),
            decision(102, sizes(2048, cores=None), name=EVIL),
            decision(103, sizes(512), reason="leak_suspected"),
        ],
        changes=[change(101, 2, sizes(2048), sizes(1024)), change(101, 5, sizes(4096), sizes(2048)), change(102, 3, sizes(1), sizes(2), failed=True, msg=EVIL)],
        memories={101: baseline(4096), 102: baseline(2048)},
        records={101: rows, 102: rows[:5]},
        kills={101: {"own": 2}, 102: {}, 103: {}},
        holds=rolled_back(102),
        problem=EVIL,
        notices=(EVIL, "x" * 200),
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(format_page(make_report([loop], "day", NOW), parse_zone("Europe/Berlin")), encoding="utf-8")
    return path


def first_pixel(picture: pathlib.Path) -> tuple[int, ...]:
    """Return red, green and blue of the upper left corner of a PNG with eight bits a colour: there no filter changes anything."""
    data, place, packed = picture.read_bytes(), 8, b""
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        packed += data[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += length + 12
    return tuple(zlib.decompress(packed)[1:4])


@pytest.mark.parametrize(("size", "scheme"), SCREENS, ids=IDS)
def test_nothing_is_asked_for_and_nothing_is_complained_of(browser, page, size, scheme):
    browser.open(page, *size, scheme)
    assert browser.requests() == [page.as_uri()]
    assert browser.complaints() == []


@pytest.mark.parametrize(("size", "scheme"), SCREENS, ids=IDS)
def test_the_page_is_not_wider_than_the_screen(browser, page, size, scheme):
    browser.open(page, *size, scheme)
    assert browser.value("document.documentElement.scrollWidth") == size[0]
    wide = "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, svg') && e.getBoundingClientRect().right > innerWidth).length"
    assert browser.value(wide) == 0


@pytest.mark.parametrize(("scheme", "paper"), [("light", (246, 247, 249)), ("dark", (17, 21, 26))])
def test_the_colours_follow_the_readers_scheme(browser, page, tmp_path, scheme, paper):
    browser.open(page, *PHONE, scheme)
    browser.picture(tmp_path / "page.png", is_whole_page=False)
    assert first_pixel(tmp_path / "page.png") == paper


def test_the_browser_finds_landmarks_headings_and_pictures_with_names(browser, page):
    browser.open(page, *DESK, "light")
    browser.call("Accessibility.enable")
    nodes = [node for node in browser.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    names = {role: [node["name"]["value"] for node in nodes if node["role"]["value"] == role] for role in ("banner", "main", "contentinfo", "image", "table")}
    assert (len(names["banner"]), len(names["main"]), len(names["contentinfo"])) == (1, 1, 1)
    assert f"Memory of 101 {LONG}" in names["image"]
    assert len(names["image"]) == 8
    assert all(names["image"] + names["table"])


def test_what_came_from_outside_is_text_in_the_browser_too(browser, page):
    browser.open(page, *DESK, "light")
    assert browser.value("document.images.length + document.scripts.length") == 0
    assert browser.value("document.body.innerText.includes('onerror=alert(1)')") is True


def test_the_keyboard_reaches_links_tables_and_lists_of_changes(browser, page):
    browser.open(page, *DESK, "light")
    reached = []
    for _press in range(12):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.value("document.activeElement.tagName + '.' + document.activeElement.className"))
    assert reached[0] == "A.skip"
    assert "DIV.panel scroll" in reached
    assert browser.value("[...document.querySelectorAll('summary')].every(e => e.tabIndex === 0)") is True


def test_a_mark_lies_on_the_limit_that_it_led_to(browser, page):
    browser.open(page, *DESK, "light")
    titles = browser.value("[...document.querySelectorAll('.mark title')].map(e => e.textContent)")
    assert "2026-11-23 11:00 memory 2048 → 1024 MiB: shrink_memory" in titles
