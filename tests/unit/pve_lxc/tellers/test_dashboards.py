# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Grafana dashboard and the alert rules: every metric, label and reason that they name is one that a real cycle exports."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

FOLDER = Path(__file__).resolve().parents[4] / "docs" / "dashboards"
DASHBOARD = json.loads((FOLDER / "lxc-autoscale.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
PANELS = DASHBOARD["panels"]

# Words of PromQL that stand where a metric could.
WORDS = {"sum", "increase", "max", "time", "topk", "by", "and", "or", "vector", "on"}
# Labels that Prometheus or node_exporter add.
FOREIGN_LABELS = {"job", "instance"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return {metric: labels} of the text that a loop writes in which everything occurs."""
    from support.busy_loop import BusyLoop

    loop = BusyLoop(
        tmp_path_factory.mktemp("loop"),
        "notify: {phone: {kind: webhook}}\n",
    )
    # Counted by the connection to a real Proxmox; the fake one stands in with a number.
    loop.node.backend.request_count = 3
    loop.live()
    loop.node.state.close()
    found = {}
    for family in text_string_to_metric_families(loop.textfile.read_text()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def rules():
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def expressions():
    found = [(f"panel {panel['title']}", target["expr"]) for panel in PANELS for target in panel.get("targets", [])]
    found += [(f"alert {rule['alert']}", rule["expr"]) for rule in rules()]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            query = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            found.append((f"variable {variable['name']}", f"sum by ({query[2]}) ({query[1]})"))
    return found


def metrics_and_labels(expression):
    """Return ({metric: labels it is asked for}, labels asked for of all, values of the label reason)."""
    matchers = {}
    reasons = []
    for name, inside in re.findall(r"(\w+)(?:\{([^}]*)\})?", expression):
        if name.startswith("lxc_autoscale_"):
            pairs = re.findall(r'(\w+)\s*(?:=~|!=|!~|=)\s*"([^"]*)"', inside)
            matchers.setdefault(name, set()).update(label for label, _value in pairs)
            reasons += [reason for label, value in pairs if label == "reason" for reason in value.split("|")]
    grouped = {label.strip() for labels in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression) for label in labels.split(",")}
    return matchers, grouped, reasons


def test_every_expression_names_what_is_exported(exported):
    from pve_lxc.model.reason import Reason

    wrong = []
    named = set()
    for place, expression in expressions():
        matchers, grouped, reasons = metrics_and_labels(expression)
        named |= set(matchers)
        if not matchers:
            wrong.append((place, "no metric of ours"))
        for metric, labels in matchers.items():
            if metric not in exported:
                wrong.append((place, metric))
            elif not labels | grouped <= exported[metric]:
                wrong.append((place, metric, sorted((labels | grouped) - exported[metric])))
        wrong += [(place, reason) for reason in reasons if reason not in {str(one) for one in Reason}]
        unknown = set(re.findall(r"\b([a-z_]+)\b", re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\([a-z_, ]+\)', " ", expression))) - WORDS - set(matchers)
        wrong += [(place, word) for word in sorted(unknown)]
    assert wrong == []
    assert len(expressions()) >= 55
    # The other way round: what is exported can be looked at.
    assert sorted(set(exported) - named) == []


def test_check_of_expressions_finds_what_is_wrong():
    assert metrics_and_labels('sum by (node) (lxc_autoscale_containers{reason=~"contested|leak", node="a"})') == (
        {"lxc_autoscale_containers": {"reason", "node"}},
        {"node"},
        ["contested", "leak"],
    )


def test_legends_and_annotations_name_labels_that_the_expression_has(exported):
    wrong = []
    for place, text, expression in [
        *[(panel["title"], target["legendFormat"], target["expr"]) for panel in PANELS for target in panel.get("targets", [])],
        *[(rule["alert"], " ".join(rule["annotations"].values()), rule["expr"]) for rule in rules()],
    ]:
        matchers, grouped, _reasons = metrics_and_labels(expression)
        labels = grouped or set.intersection(*(exported[metric] for metric in matchers)) | FOREIGN_LABELS
        wrong += [(place, label) for label in re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text) if label not in labels]
    assert wrong == []


def test_alerts_say_how_bad_it_is_and_what_to_do():
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) >= 11
    assert [rule["alert"] for rule in rules() if rule["labels"].get("severity") not in ("warning", "critical")] == []
    assert [rule["alert"] for rule in rules() if not {"summary", "description"} <= set(rule["annotations"])] == []
    assert [rule["alert"] for rule in rules() if not re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))] == []


def test_panels_have_what_grafana_needs():
    numbers = [panel["id"] for panel in PANELS]
    assert len(set(numbers)) == len(numbers) >= 20
    assert [panel["title"] for panel in PANELS if panel["type"] == "row"] == ["Fleet", "Container $container", "The loop"]
    for panel in PANELS:
        assert set(panel["gridPos"]) == {"h", "w", "x", "y"}, panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"]), panel["title"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) >= 1, panel["title"]
            assert {"fieldConfig", "options", "title"} <= set(panel)


def test_no_panel_lies_on_another():
    taken = {}
    for panel in PANELS:
        place = panel["gridPos"]
        for cell in [(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]:
            assert cell not in taken, (panel["title"], taken[cell])
            taken[cell] = panel["title"]
    assert len(taken) > 1000


def test_variables_are_those_that_the_panels_use():
    declared = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(PANELS)))
    assert used == declared == {"datasource", "node", "container"}
    assert {"title", "uid", "schemaVersion", "time", "refresh", "panels", "templating"} <= set(DASHBOARD)
