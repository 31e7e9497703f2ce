# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from recording_replay import player, seeds
from recording_replay.normalise import NORMALISERS, DigestRelation, normalise
from replay_recordings import FIXTURE, format_report

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def report() -> player.Report:
    return player.replay_all(FIXTURE)


def test_every_recorded_request_in_scope_gets_the_recorded_answer(report: player.Report) -> None:
    text = format_report(report)
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    (cache / "recordings.txt").write_text(text + "\n", encoding="utf-8")
    print(text)
    assert report.differing == {}
    assert report.problems == []


def test_the_number_of_recordings_is_what_the_files_hold(report: player.Report) -> None:
    assert len(report.agreeing) + len(report.differing) + len(report.excluded) == 379


def test_every_normalisation_and_exclusion_has_a_reason() -> None:
    assert all(len(normaliser.reason) > 10 for normaliser in NORMALISERS.values())
    assert all(len(reason) > 10 for reason in seeds.EXCLUSIONS.values())


def test_an_exclusion_that_agrees_or_names_no_record_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(player, "EXCLUSIONS", {"version.json/version": "a reason that is not true", "version.json/nothing": "names no record"})
    (tmp_path / "version.json").write_text((FIXTURE / "version.json").read_text(encoding="utf-8"), encoding="utf-8")
    report = player.replay_all(tmp_path)
    assert report.problems == ["version.json/version (record 0) is excluded but agrees", "exclusion 'version.json/nothing' names no record"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": 500}, "status line: recorded 500 'OK', simulated 200 'OK'"),
        ({"reason": "Fine"}, "status line: recorded 200 'Fine', simulated 200 'OK'"),
        ({"body": {"data": {"version": "9.2.11", "release": "9.1", "repoid": "14a22df35955d97d"}}}, "body: $.data.release: recorded 9.1, simulated 9.2"),
        ({"body": {"data": {"version": "9.2.11", "release": "9.2"}}}, "body: $.data.repoid only simulated: '14a22df35955d97d'"),
    ],
)
def test_a_recording_that_was_tampered_with_disagrees(change: dict[str, object], expected: str, tmp_path: Path) -> None:
    records = json.loads((FIXTURE / "version.json").read_text(encoding="utf-8"))
    records[0] |= change
    (tmp_path / "version.json").write_text(json.dumps(records), encoding="utf-8")
    assert player.replay_all(tmp_path).differing == {"version.json/version (record 0)": expected}


def test_normalise_keeps_every_value_that_is_not_named() -> None:
    row = {"vmid": 101, "status": "running", "maxmem": 268435456, "cpus": 1, "name": "web1", "lock": "backup", "netin": 0, "digest": "0" * 40}
    assert normalise(copy.deepcopy(row)) == row


def test_normalise_tells_a_missing_figure_and_a_text_from_a_number() -> None:
    assert normalise({"mem": 5, "uptime": "5"}) == {"mem": "<bytes>", "uptime": "5"}


def test_digest_relation_refuses_two_contents_with_one_digest() -> None:
    digests = DigestRelation()
    assert digests.translate({"digest": "aa"}, {"digest": "11"}) == {"digest": "aa"}
    assert digests.translate({"digest": "bb"}, {"digest": "11"}) == {"digest": "11"}
    assert digests.translate({"digest": "aa"}, {"digest": "22"}) == {"digest": "22"}
