# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing a node that is too small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

CLAIMS = st.dictionaries(st.integers(100, 120), st.tuples(st.floats(0, 4000), st.floats(0, 8000), st.floats(0.1, 10)), min_size=1, max_size=8)


def shared(claims, budget_mib):
    from pve_lxc.policy.fair_share import Claim, share_memory

    return share_memory({vmid: Claim(*claim) for vmid, claim in claims.items()}, budget_mib)


def test_what_is_left_goes_by_what_each_lacks_and_by_weight():
    assert shared({101: (100, 400), 102: (100, 200)}, 500) == pytest.approx({101: 319.3, 102: 180.7}, abs=0.05)
    # 137 each; of the 226 left three quarters and a quarter.
    assert shared({101: (100, 900, 3), 102: (100, 900, 1)}, 500) == pytest.approx({101: 306.5, 102: 193.5})


def test_what_a_heavy_one_cannot_use_goes_to_the_others():
    # 137 each; the first would get 10 / 11 of 426 and lacks 263 only.
    assert shared({101: (100, 400, 10), 102: (100, 400, 1)}, 700) == pytest.approx({101: 400.0, 102: 300.0})


def test_everybody_gets_what_they_want_where_there_is_room():
    assert shared({101: (100, 400), 102: (100, 200)}, 600) == {101: 400.0, 102: 200.0}


def test_where_not_even_use_fits_all_are_short_alike():
    assert shared({101: (1000, 2000), 102: (1000, 2000)}, 1082) == {101: 541.0, 102: 541.0}


@given(CLAIMS, st.floats(0, 20000))
def test_sum_never_exceeds_the_budget_nor_a_share_what_is_wanted(claims, budget_mib):
    granted = shared(claims, budget_mib)
    assert sum(granted.values()) <= budget_mib + 1e-6
    assert all(granted[vmid] <= wanted + 1e-9 for vmid, (_used, wanted, _weight) in claims.items())


@given(CLAIMS, st.floats(0, 20000), st.randoms())
def test_order_of_claims_is_irrelevant(claims, budget_mib, random):
    shuffled = list(claims.items())
    random.shuffle(shuffled)
    assert shared(dict(shuffled), budget_mib) == pytest.approx(shared(claims, budget_mib))
