# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page and its pictures: escaped, self-contained, readable in both colour schemes, with gaps where nothing is known."""

from __future__ import annotations

import html.parser
import re

import pytest
from pve_lxc.autoscale.report.data import make_report
from pve_lxc.autoscale.report.html import Html, join, tag
from pve_lxc.autoscale.report.page import format_page
from pve_lxc.autoscale.report.style import DARK, LIGHT
from pve_lxc.autoscale.report.svg import Chart, Mark, Point, draw, nice_top, say_value
from pve_lxc.autoscale.report.times import parse_zone
from support.report_fakes import NOW, baseline, change, decision, gathered, rolled_back, row, sizes

UTC = parse_zone("UTC")
EVIL = "<script>alert(1)</script>&\"'"


class Tags(html.parser.HTMLParser):
    """Every element with its attributes; fails where one is closed that was not opened last."""

    void = ("meta", "link")

    def __init__(self, page):
        super().__init__()
        self.open, self.found = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, *names):
        return [attributes for name, attributes in self.found if name in names]


def page_of(*loops):
    return format_page(make_report(loops, "day", NOW), UTC)


def full_loop(name="web"):
    return gathered(
        [decision(101, sizes(1024), name=name, msg=f"said {EVIL}"), decision(102, sizes(512, cores=None))],
        changes=[change(101, 2, sizes(2048), sizes(1024)), change(101, 3, sizes(2048), sizes(1024), failed=True, msg=EVIL)],
        memories={101: baseline(4096)},
        records={101: [row(3, 0.5, 300.0), row(2, 0.6, 310.0), row(0, 0.7, 320.0)]},
        holds=rolled_back(101),
        notices=(EVIL,),
        problem=EVIL,
    )


def test_text_is_escaped_and_html_is_not():
    assert tag("b", "1 < 2", class_="x") == '<b class="x">1 &lt; 2</b>'
    assert tag("a", tag("i", "&"), aria_label='say "hi"', id=None) == '<a aria-label="say &quot;hi&quot;"><i>&amp;</i></a>'
    assert isinstance(join("<", Html("<br>")), Html)
    assert join("<", Html("<br>")) == "&lt;<br>"


def test_what_comes_from_outside_is_never_markup():
    page = page_of(full_loop(EVIL))
    assert "<script" not in page
    # Two in the table and the card's head, two in the titles of the pictures, and so on: it is there, as text.
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;") > 8


def test_page_is_well_formed_and_asks_for_nothing_outside():
    page = page_of(full_loop())
    tags = Tags(page)
    assert tags.open == []
    addresses = [value for attributes in (one for _name, one in tags.found) for key, value in attributes.items() if key in ("src", "href", "xlink:href")]
    assert [one for one in addresses if not one.startswith("#")] == ["data:,"]
    assert not re.search(r"url\(|@import|https?://|<script|<iframe|<object", page)
    assert "default-src 'none'" in page


def test_every_link_leads_somewhere_and_no_name_is_used_twice():
    tags = Tags(page_of(full_loop()))
    names = [attributes["id"] for _name, attributes in tags.found if "id" in attributes]
    assert len(names) == len(set(names))
    wanted = [attributes["href"][1:] for attributes in tags.of("a")]
    wanted += [name for _name, attributes in tags.found for key in ("aria-labelledby", "aria-describedby") for name in attributes.get(key, "").split()]
    assert len(wanted) > 15
    assert sorted(set(wanted) - set(names)) == []


def test_page_has_landmarks_headings_and_table_heads_for_those_who_do_not_see_it():
    tags = Tags(page_of(full_loop()))
    assert [len(tags.of(name)) for name in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    assert tags.of("html")[0]["lang"] == "en"
    assert len(tags.of("table")) == 4
    assert len(tags.of("caption")) == 4
    assert {attributes.get("scope") for attributes in tags.of("th")} == {"col", "row"}
    pictures = [attributes for attributes in tags.of("svg") if attributes.get("aria-hidden") != "true"]
    assert len(pictures) == 6
    assert all(one["role"] == "img" and one["aria-labelledby"] and one["aria-describedby"] for one in pictures)
    regions = [attributes for attributes in tags.of("div") if attributes.get("class") == "panel scroll"]
    assert all(one["tabindex"] == "0" and one["role"] == "region" and one["aria-label"] for one in regions)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """Return the contrast of two colours, 1 to 21. Source: WCAG 2.2, relative luminance."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_counted_as_the_standard_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "soft", "limit", "used", "found", "good", "bad"])
def test_every_colour_can_be_read_on_paper_and_on_panels(colours, name):
    assert contrast(colours[name], colours["paper"]) >= 4.5
    assert contrast(colours[name], colours["panel"]) >= 4.5


def test_both_colour_schemes_have_the_same_names_and_are_in_the_page():
    assert list(LIGHT) == list(DARK)
    page = page_of(full_loop())
    assert f"--ink: {LIGHT['ink']}" in page.split("prefers-color-scheme: dark")[0]
    assert f"--ink: {DARK['ink']}" in page.split("prefers-color-scheme: dark")[1]


def chart(**changes):
    values = {"used": (), "peaks": (), "limits": (), "found": None, "marks": (), "days": ((5.0, "noon"),)}
    return draw(Chart("c", "CPU of <101>", "text", 0.0, 10.0, unit="cores", width=290, **{**values, **changes}))


def paths(picture, name):
    return re.findall(rf'<path class="{name}" d="([^"]*)"', picture)


def test_time_without_records_is_a_gap_and_never_zero():
    used = [Point(0.0, 2.0, 1.0), Point(2.0, 4.0, 2.0), Point(4.0, 6.0, None), Point(6.0, 8.0, 1.0), Point(8.0, 10.0, 1.0)]
    (line,) = paths(chart(used=used), "used")
    assert line == "M69.6 70.0L116.8 12.0M211.2 70.0L258.4 70.0"


def test_time_that_no_row_covers_is_a_gap_as_well():
    (line,) = paths(chart(used=[Point(0.0, 2.0, 1.0), Point(6.0, 8.0, 1.0)]), "used")
    assert line.count("M") == 2


def test_a_limit_is_drawn_in_steps_and_ends_where_it_is_not_known():
    limits = [Point(0.0, 5.0, 2.0), Point(5.0, 8.0, 1.0), Point(8.0, 10.0, None)]
    assert paths(chart(limits=limits), "limit") == ["M46.0 12.0V12.0H164.0V70.0H234.8"]


def test_nothing_known_is_no_line_at_all():
    picture = chart(used=[Point(0.0, 5.0, None)], limits=[Point(0.0, 5.0, None)])
    assert [paths(picture, name) for name in ("used", "limit", "peak", "area")] == [[], [], [], []]
    assert "CPU of &lt;101&gt;" in picture


def test_marks_say_what_was_changed_and_differ_in_form():
    up, down = Mark(5.0, 2.0, True, False, "2 → 4: grow_cpu"), Mark(5.0, 1.0, False, False, "down")
    failed = Mark(5.0, 1.0, False, True, "no")
    picture = chart(limits=[Point(0.0, 10.0, 2.0)], marks=(up, down, failed))
    assert "<title>2 → 4: grow_cpu</title>" in picture
    assert re.findall(r'<path (?:class="failed" )?d="(M[^"]*)"></path></g>', picture) == [
        "M164.0 7.5L168.5 15.2L159.5 15.2Z",
        "M164.0 74.5L168.5 66.8L159.5 66.8Z",
        "M160.0 66.0L168.0 74.0M168.0 66.0L160.0 74.0",
    ]


def test_axes_end_at_round_figures():
    assert [nice_top(value) for value in (0.0, 0.13, 1.0, 3.3, 7.4, 95.0, 1500.0, 2600.0, 4096.0)] == [1.0, 0.2, 1.0, 4.0, 8.0, 100.0, 1536.0, 3072.0, 4096.0]


def test_figures_of_axes_carry_their_unit():
    assert [say_value(value, "MiB") for value in (0.0, 512.0, 1024.0, 1536.0)] == ["0", "512 MiB", "1 GiB", "1.5 GiB"]
    assert [say_value(value, "cores") for value in (0.5, 4.0, 12.0)] == ["0.5", "4", "12"]


def test_changes_of_a_container_are_listed_newest_first_with_reason_and_failure():
    page = page_of(
        gathered(
            [decision(101, sizes(1024))], changes=[change(101, 1, sizes(2048), sizes(1024)), change(101, 4, sizes(1024), sizes(2048), failed=True, msg="no")]
        )
    )
    found = re.findall(r"<li>(2026[^<]*)</li>", page)
    assert found == ["2026-11-23 11:00 memory 2048 → 1024 MiB: shrink_memory", "2026-11-23 08:00 memory 1024 → 2048 MiB: shrink_memory (FAILED: no)"]


def test_without_proxmox_the_page_is_made_of_the_state_and_says_so():
    page = page_of(gathered([decision(101, sizes(1024))], problem="connection refused"))
    assert "records could not be read, so curves are missing: connection refused" in page
    assert "CPU: 4 cores, used not recorded" in page
    assert 'class="used"' not in page.split("</ul>", 1)[1].split('id="curves"')[1].split('class="cards"')[1]


def test_a_state_without_any_container_still_makes_a_page():
    page = page_of(gathered([]))
    assert Tags(page).open == []
    assert "No container is managed yet." in page


def test_a_disk_that_grew_is_listed_and_is_no_mark():
    disk = change(101, 1, {"rootfs": "8G"}, {"rootfs": "10G"}, reason="grow_rootfs")
    page = page_of(gathered([decision(101, sizes(1024))], changes=[disk]))
    assert "<li>2026-11-23 11:00 root file system 8G → 10G: grow_rootfs</li>" in page
    assert 'class="mark"' not in page.split('class="cards"')[1]


def test_swap_is_told_with_what_was_found_only_where_it_is_sized():
    has = {**sizes(1024), "swap": 704}
    sized = {**decision(101, has), "usage": {"cpu_cores": 0.5, "memory_mib": 300.0, "swap_mib": 450.4}, "swap_bounds_mib": [256.0, 2048.0]}
    told = "<strong>Swap: </strong>512 → 704 MiB, 450 MiB in use at the last look"
    assert told in page_of(gathered([sized], memories={101: baseline(1024)}))
    assert "Swap" not in page_of(gathered([decision(101, has)], memories={101: baseline(1024)}))
