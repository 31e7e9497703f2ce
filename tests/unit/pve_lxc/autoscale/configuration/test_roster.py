# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is managed, with which settings, and where each setting came from."""

from __future__ import annotations

from dataclasses import replace

import pytest

SECRET = {"PROXMOX_TOKEN_SECRET": "5ecret"}
MINIMAL = "connection: {token_id: 'lxc-autoscale@pve!node-pve1'}\n"
TIERS = (
    MINIMAL
    + """
bounds: {max_memory_mib: 2048}
tiers:
  db:
    vmids: [101]
    tags: [database]
    pools: [production]
    names: ["db*", "sql?"]
    bounds: {max_memory_mib: 8192}
    policy: {cpu_tolerance: 0.5}
  web:
    tags: [web]
    bounds: {max_cpu_cores: 4}
  vip:
    vmids: [150]
    allow_tag: false
    bounds: {max_memory_mib: 65536}
overrides:
  101: {bounds: {max_memory_mib: 16384}}
"""
)


def parse(text):
    from pve_lxc.autoscale.config_file import parse_config

    return parse_config(text, source="config.yaml", environment=SECRET)


def problems_of(text):
    from pve_lxc.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        parse(text)
    return {problem.place: (problem.value, problem.message) for problem in caught.value.problems}


def guest_of(vmid=120, name="app", tags=(), pool=""):
    from pve_lxc.model.guest import Guest

    return Guest(vmid, name, "pve1", "running", tags=tuple(tags), pool=pool)


def assign(*args, text=TIERS, **marks):
    return parse(text).roster.assign(guest_of(*args, **marks))


@pytest.mark.parametrize(
    ("marks", "tier", "place"),
    [
        ({"vmid": 101}, "db", "tiers.db.vmids (line 6)"),
        ({"tags": ["database"]}, "db", "tiers.db.tags (line 7)"),
        ({"pool": "production"}, "db", "tiers.db.pools (line 8)"),
        ({"name": "db-7"}, "db", "tiers.db.names (line 9)"),
        ({"name": "sql1"}, "db", "tiers.db.names (line 9)"),
        ({"name": "sql12"}, "", ""),
        ({"tags": ["web"]}, "web", "tiers.web.tags (line 13)"),
        ({"tags": ["autoscale-tier-web"]}, "web", "tag autoscale-tier-web"),
        ({"tags": ["autoscale-tier-web"], "name": "db-7"}, "web", "tag autoscale-tier-web"),
        ({"vmid": 101, "tags": ["autoscale-tier-web"]}, "db", "tiers.db.vmids (line 6)"),
        ({}, "", ""),
    ],
)
def test_container_gets_its_tier_by_id_before_its_own_tag_before_marks(marks, tier, place):
    assignment = assign(**marks)
    assert (assignment.tier, assignment.tier_place, assignment.conflict) == (tier, place, None)


def test_settings_stand_on_each_other_and_each_knows_its_place():
    effective = assign(101).effective
    assert effective.settings.bounds.max_memory_mib == 16384
    assert effective.settings.policy.cpu_tolerance == 0.5
    assert effective.origins == {
        "bounds.max_memory_mib": "overrides.101.bounds.max_memory_mib (line 20)",
        "policy.cpu_tolerance": "tiers.db.policy.cpu_tolerance (line 11)",
    }
    assert assign(120).effective.origins == {"bounds.max_memory_mib": "bounds.max_memory_mib (line 3)"}


def test_preset_of_a_tier_beats_the_general_constants_and_is_their_place():
    from pve_lxc.policy.settings.presets import PRESETS

    tiers = "tiers:\n  a: {vmids: [101], policy: {preset: safe}}\n  b: {vmids: [102], policy: {preset: safe, cpu_tolerance: 2}}\n"
    text = MINIMAL + "policy: {preset: lean, cpu_tolerance: 4.5}\n" + tiers
    safe = PRESETS["safe"]["cpu_tolerance"]
    assert [parse(text).settings.of(vmid).policy.cpu_tolerance for vmid in (101, 102, 103)] == [safe, 2, 4.5]
    assert safe < 1
    assert assign(101, text=text).effective.origins["policy.cpu_tolerance"] == "tiers.a.policy.preset (line 4)"


def test_marks_of_two_tiers_are_a_conflict_that_names_both_places():
    assignment = assign(name="db-7", tags=["web"])
    assert assignment.conflict.message == "it is in the tiers db and web, by tiers.db.names (line 9) and tiers.web.tags (line 13); a container has one tier"
    assert assignment.effective.settings.bounds.max_memory_mib == 2048


def test_two_tier_tags_are_a_conflict():
    assert assign(tags=["autoscale-tier-web", "autoscale-tier-db"]).conflict.message == (
        "it has the tags autoscale-tier-db and autoscale-tier-web; a container has one tier"
    )


@pytest.mark.parametrize("tag", ["autoscale-tier-vip", "autoscale-tier-none"])
def test_tag_of_a_tier_that_may_not_be_chosen_widens_nothing(tag):
    assignment = assign(tags=[tag])
    assert assignment.conflict.message == (
        f"it has the tag {tag}, and there is no such tier to choose; tags allowed by the configuration: autoscale-tier-db, autoscale-tier-web"
    )
    assert assignment.effective.settings.bounds.max_memory_mib == 2048


@pytest.mark.parametrize(
    ("tag", "memory_grow_only", "cpu_grow_only", "actuator"),
    [("autoscale-start-sized", True, False, "auto"), ("autoscale-grow-only", True, True, "auto"), ("autoscale-keep-cpu", False, False, "none")],
)
def test_restricting_tag_forbids_and_is_named(tag, memory_grow_only, cpu_grow_only, actuator):
    effective = assign(tags=[tag.upper()]).effective
    settings = effective.settings
    assert (settings.policy.memory_grow_only, settings.policy.cpu_grow_only, settings.bounds.actuator) == (memory_grow_only, cpu_grow_only, actuator)
    assert f"tag {tag}" in effective.origins.values()
    assert settings.bounds.max_memory_mib == 2048


def test_tags_count_for_nothing_where_they_are_not_obeyed():
    assignment = assign(tags=["autoscale-tier-web", "autoscale-grow-only"], text=TIERS + "selection: {obey_tags: false}\n")
    assert (assignment.tier, assignment.conflict, assignment.effective.settings.policy.memory_grow_only) == ("", None, False)


def test_what_stands_in_two_tiers_is_refused_with_both_places():
    text = MINIMAL + "tiers:\n  a: {vmids: [101, 102], tags: [x]}\n  b:\n    vmids: [102]\n    tags: [X, y]\n"
    assert problems_of(text) == {
        "tiers.b.vmids (line 5)": ("102", "it is in tiers.a.vmids (line 3) as well; a container has one tier"),
        "tiers.b.tags (line 6)": ("x", "it is in tiers.a.tags (line 3) as well; a container has one tier"),
    }


def test_what_is_managed_and_ignored_is_refused_with_both_places():
    text = MINIMAL + "selection:\n  vmids: [101, 102]\n  ignore_vmids: [102]\n"
    assert problems_of(text) == {
        "selection.ignore_vmids (line 4)": ("102", "this stands in selection.vmids (line 3) as well; it is either managed or ignored"),
    }


def test_bound_of_a_tier_that_contradicts_the_general_one_names_it():
    text = MINIMAL + "bounds: {max_memory_mib: 1024}\ntiers:\n  big:\n    bounds: {min_memory_mib: 2048}\n"
    assert problems_of(text) == {
        "tiers.big.bounds.min_memory_mib (line 5)": ("2048", "min_memory_mib must be at most max_memory_mib (1024 in bounds.max_memory_mib (line 2))"),
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host_memory_reserve_share", "0.1"),
        ("host_memory_reserve_mib", "1024"),
        ("host_memory_pressure_percent", "2"),
        ("failover_reserve_share", "0.2"),
        ("ballooning_target_share", "0.8"),
        ("overcommit_ratio", "2"),
        ("cycle_changes", "5"),
        ("cycle_memory_mib", "4096"),
        ("cycle_rootfs", "2"),
    ],
)
def test_what_is_said_of_the_whole_node_is_refused_anywhere_else_with_where_it_belongs(key, value):
    assert parse(MINIMAL + f"policy: {{{key}: {value}}}\n").mode == "recommend"
    message = f"this is said of the whole node, once for all containers: write it as policy.{key}, at the top of the file"
    text = f"tiers: {{db: {{vmids: [101], policy: {{{key}: {value}, preset: fast}}}}}}\noverrides: {{102: {{policy: {{{key}: {value}}}}}}}\n"
    assert problems_of(MINIMAL + text) == {
        f"tiers.db.policy.{key} (line 2)": (value, message),
        "tiers.db.policy.preset (line 2)": ("fast", "allowed is one of safe, balanced, lean"),
        f"overrides.102.policy.{key} (line 3)": (value, message),
    }


def test_window_cannot_say_anything_of_the_whole_node_either():
    text = "schedules:\n  night: {from: '22:00', to: '06:00', policy: {preset: lean, cycle_changes: 5}}\n"
    (place,) = problems_of(MINIMAL + text)
    assert place == "schedules.night.policy.cycle_changes (line 3)"


def test_no_tier_of_an_old_file_leads_to_a_key_of_the_whole_node():
    from pve_lxc.autoscale.configuration.keys import POLICY_KEYS
    from pve_lxc.autoscale.legacy.keys import TIER_KEYS

    targets = {".".join(key.target) for key in TIER_KEYS.values() if key.target}
    assert len(targets) >= 10
    assert [name for name, key in POLICY_KEYS.items() if key.is_of_node and f"policy.{name}" in targets] == []


def test_tier_that_no_tag_could_name_is_refused():
    assert list(problems_of(MINIMAL + "tiers: {Big One: {vmids: [101]}}\n")) == ["tiers.Big One (line 2)"]


@pytest.mark.parametrize(
    ("section", "marks", "is_selected"),
    [
        ("{pools: [prod]}", {"pool": "prod"}, True),
        ("{pools: [prod]}", {"pool": "test"}, False),
        ("{names: ['web-*']}", {"name": "web-1"}, True),
        ("{names: ['web-?']}", {"name": "web-10"}, False),
        ("{ignore_pools: [prod]}", {"pool": "prod"}, False),
        ("{ignore_names: ['web-*']}", {"name": "web-1"}, False),
        ("{names: ['*'], ignore_tags: [x]}", {"tags": ["X"]}, False),
        ("{tags: [Web]}", {"tags": ["web"]}, True),
    ],
)
def test_selection_by_pool_and_name(section, marks, is_selected):
    assert parse(f"{MINIMAL}selection: {section}\n").selection.is_selected(guest_of(**marks)) is is_selected


@pytest.mark.parametrize(("hour", "is_off_peak"), [(21, False), (22, True), (2, True), (5, True), (6, False)])
def test_off_peak_follows_the_hour_of_its_time_zone(hour, is_off_peak):
    roster = parse(MINIMAL + "policy: {algorithm: threshold}\nthreshold: {time_zone: Asia/Kolkata}\n").roster
    # 12 January 2026, 00:00 in Kolkata, which is five and a half hours ahead.
    book, _conflicts = roster.book([], 1_768_176_000.0 - 5.5 * 3600 + hour * 3600)
    assert book.general.threshold.is_off_peak is is_off_peak


@pytest.fixture
def node(tmp_path):
    from support.loop_fakes import FakeNode

    with FakeNode(tmp_path).closing() as fake:
        yield fake


def run(node, text):
    from pve_lxc.autoscale.cycle import run_cycle

    config = parse(text)
    node.clock.seconds += 60
    return run_cycle(replace(node.parts, selection=config.selection, settings=config.settings, roster=config.roster), "apply")


def test_cycle_grows_each_container_within_its_tier_and_leaves_a_conflict(node):
    for vmid, tags in ((110, ""), (111, "web"), (112, "web;database")):
        node.add(vmid, cpu_cores=0.1, memory_mib=1020, tags=tags)
    text = MINIMAL + "tiers:\n  a: {tags: [web], bounds: {max_memory_mib: 1056}}\n  b: {tags: [database]}\n"
    decisions = {decision.vmid: decision for decision in run(node, text).decisions}
    assert node.backend.writes == [(110, {"memory": 1184}, ()), (111, {"memory": 1056}, ())]
    assert str(decisions[112].reason) == "tier_conflict"
    assert "tiers.a.tags (line 3) and tiers.b.tags (line 4)" in decisions[112].message


def test_pool_that_nobody_shows_is_a_configuration_error_and_nothing_is_written(node):
    from pve_lxc.errors import ConfigError

    node.add(101, cpu_cores=0.5, memory_mib=1020)
    with pytest.raises(ConfigError) as caught:
        run(node, MINIMAL + "selection: {ignore_pools: [prod]}\ntiers: {a: {pools: [test]}}\n")
    assert [problem.place for problem in caught.value.problems] == ["selection.ignore_pools", "tiers.a.pools"]
    assert "Pool.Audit" in caught.value.problems[0].message
    assert node.backend.writes == []


def test_ignored_pool_that_shows_no_container_is_an_error_and_a_selected_one_is_not():
    from pve_lxc.autoscale.configuration.selection import require_visible_pools
    from pve_lxc.errors import ConfigError

    guests = [guest_of(pool="seen")]
    require_visible_pools([("selection.pools", "empty")], [], guests)
    require_visible_pools([("selection.ignore_pools", "seen")], ["seen"], guests)
    with pytest.raises(ConfigError, match="its containers would be managed"):
        require_visible_pools([("selection.ignore_pools", "hidden")], ["hidden"], guests)


def test_containers_with_the_same_settings_share_one_record():
    roster = parse(TIERS).roster
    book, conflicts = roster.book([guest_of(vmid, tags=["web"] if vmid % 2 else []) for vmid in range(200, 10200)], 0.0)
    assert (len(book.by_vmid), len({id(settings) for settings in book.by_vmid.values()}), conflicts) == (5000, 1, {})
    assert book.of(200) is book.general


def test_book_and_single_answer_agree():
    roster = parse(TIERS).roster
    guests = [guest_of(101), guest_of(150), guest_of(160, tags=["web", "autoscale-grow-only"]), guest_of(170, name="db", pool="production"), guest_of(180)]
    book, conflicts = roster.book(guests, 0.0)
    assert conflicts == {}
    assert [book.of(guest.vmid) == roster.assign(guest).effective.settings for guest in guests] == [True] * 5


def test_what_is_remembered_gets_the_windows_of_a_tier_by_tag(node):
    from pve_lxc.autoscale.observe import observe
    from pve_lxc.autoscale.remembered import remembered_from_dict

    text = MINIMAL + "tiers: {a: {tags: [web], policy: {memory_recent_window_seconds: 7200}}}\n"
    node.add(111, cpu_cores=0.1, memory_mib=300, tags="web")
    run(node, text)
    config = parse(text)
    parts = replace(node.parts, settings=config.settings, roster=config.roster)
    remembered = {111: remembered_from_dict(111, node.state.read_memories()[111], config.settings.of(111).policy)}
    assert remembered[111].memory.memory.recent.window_seconds == 3600
    recent = observe(parts, remembered, node.clock.seconds).remembered[111].memory.memory.recent
    assert (recent.window_seconds, recent.entries) == (7200, ((node.clock.seconds, 300.0),))
