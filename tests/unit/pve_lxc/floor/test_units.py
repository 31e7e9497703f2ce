# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes and steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pve_lxc.units import Quantity, clamp, format_number, mib_from_bytes, parse_memory, parse_number, round_up, whole_down, whole_up


@pytest.mark.parametrize(
    ("value", "step", "expected"), [(0.61, 0.1, 0.7), (0.3, 0.1, 0.3), (0.7000000000000001, 0.1, 0.7), (897, 32, 928), (896, 32, 896), (0, 32, 0)]
)
def test_round_up_gives_the_next_multiple_and_leaves_a_multiple_alone(value, step, expected):
    assert round_up(value, step) == expected


def test_whole_numbers_are_found_in_spite_of_the_trace_that_a_division_leaves():
    assert (whole_up((0.1 + 0.2) / 0.1), whole_down(0.3 / 0.1)) == (3, 3)
    assert (whole_up(3.001), whole_down(2.999)) == (4, 2)


@given(st.floats(0, 1e6), st.sampled_from([0.1, 1.0, 32.0]))
def test_round_up_is_never_below_and_less_than_one_step_above(value, step):
    rounded = round_up(value, step)
    assert value - 1e-6 <= rounded < value + step + 1e-6


@given(st.floats(0, 1e6), st.sampled_from([0.1, 1.0, 32.0]))
def test_round_up_twice_is_rounding_once(value, step):
    assert round_up(round_up(value, step), step) == round_up(value, step)


def test_clamp_prefers_the_upper_bound_when_bounds_cross():
    assert (clamp(5, 1, 3), clamp(0, 1, 3), clamp(2, 1, 3), clamp(5, 4, 2)) == (3, 1, 2, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1024", Quantity(1024)),
        ("+512", Quantity(512, "+")),
        (" - 256 ", Quantity(256, "-")),
        ("2G", Quantity(2048)),
        ("+1.5GiB", Quantity(1536, "+")),
        ("512M", Quantity(512)),
        ("512mb", Quantity(512)),
    ],
)
def test_memory_is_read_in_mib(text, expected):
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "lots", "1T", "1.5", "0.3M", "++1", "1 2", "0x10", "1e3", "-"])
def test_memory_that_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="not a"):
        parse_memory(text)


def test_numbers_may_be_whole_or_fractions():
    assert parse_number("+0.5", is_whole=False) == Quantity(0.5, "+")
    assert parse_number("4", is_whole=True) == Quantity(4)
    with pytest.raises(ValueError, match="not a whole number"):
        parse_number("1.5", is_whole=True)
    with pytest.raises(ValueError, match="not a number"):
        parse_number("2G", is_whole=True)


def test_relative_sizes_are_applied_to_what_is_there():
    assert Quantity(512, "+").applied_to(1024) == 1536
    assert Quantity(512, "-").applied_to(1024) == 512
    assert Quantity(512).applied_to(1024) == 512
    assert Quantity(512, "+").is_relative
    assert not Quantity(512).is_relative


def test_bytes_become_mib():
    assert mib_from_bytes(268435456) == 256.0


@pytest.mark.parametrize(("value", "text"), [(2.0, "2"), (0.5, "0.5"), (1.25, "1.25"), (100.0, "100"), (0.1 + 0.2, "0.3"), (0.0, "0")])
def test_numbers_are_shown_short(value, text):
    assert format_number(value) == text
