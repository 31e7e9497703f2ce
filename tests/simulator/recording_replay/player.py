# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays the recorded requests against a simulator and compares status, reason phrase, body and followed tasks."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from harness import Simulator

from .normalise import DigestRelation, normalise
from .seeds import EXCLUSIONS, FILES_WITH_RANDOM_DIGESTS, SEEDS, STEPS

# Files that hold no API requests, and what they hold.
NOT_API = {"pct_cli.json": "command lines and output of pct and pvesh"}
TASK_TIMEOUT_SECONDS = 30.0
FOLLOWER = "admin@pve!adm"
USER, PASSWORD = "auto@pve", "Pve-lab-auto-1"
WRONG_SECRET = "00000000-0000-0000-0000-000000000000"
EXPIRED_AGE_SECONDS = 3 * 3600


@dataclass
class Answer:
    """What came back."""

    status: int
    reason: str
    text: str

    @property
    def body(self) -> Any:
        """Return the JSON body, None when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


@dataclass
class Report:
    """The outcome: keys ``file/label`` with what differs; excluded ones with their reason."""

    agreeing: list[str] = field(default_factory=list)
    differing: dict[str, str] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """Return the one line that sums it up."""
        return f"{len(self.agreeing)} of {len(self.agreeing) + len(self.differing)} recordings agree"


class Player:
    """Sends the recorded requests of one file to one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        """Take where to send them."""
        self.simulator = simulator
        self._context = ssl.create_default_context(cafile=simulator.ca_path)
        self._ticket: dict[str, Any] = {}

    def send(self, method: str, target: str, headers: dict[str, str], body: str | None = None) -> Answer:
        """Send one request on a connection of its own; http.client keeps the reason phrase."""
        connection = http.client.HTTPSConnection(self.simulator.host, self.simulator.port, context=self._context, timeout=60)
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.reason, response.read().decode())
        finally:
            connection.close()

    def play(self, file: str, record: dict[str, Any]) -> Answer:
        """Send a recorded request as it was sent."""
        request = record["request"]
        label = record["label"] if file == "auth_401.json" else ""
        headers = self._headers(label, request)
        params = dict(request.get("params") or {})
        if label == "ticket as password (renewal)":
            params["password"] = self._log_in()["ticket"]
        prefix = {"missing /api2/json": ""}.get(label, "/api2/extjs" if label.startswith("extjs") else "/api2/json")
        target = prefix + quote(request["path"], safe="/:@!?=%")
        body = request.get("raw_body")
        if body is not None:
            headers["Content-Type"] = request["content_type"]
        elif params and request["method"] in ("GET", "DELETE"):
            target += "?" + urlencode(params)
        elif params:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(params)
        return self.send(request["method"], target, headers, body)

    def _log_in(self) -> dict[str, Any]:
        """Return a ticket and its CSRF token, made once."""
        if not self._ticket:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            self._ticket = self.send("POST", "/api2/json/access/ticket", form, urlencode({"username": USER, "password": PASSWORD})).body["data"]
        return self._ticket

    def _headers(self, label: str, request: dict[str, Any]) -> dict[str, str]:
        """Return the authentication of a request; the recordings name the token but do not hold secrets or tickets."""
        auth = request.get("auth")
        if auth == "ticket":
            return self._ticket_headers(label)
        if auth is not None:
            return self.simulator.token(auth)
        known = f"{USER}!all"
        secret = self.simulator.tokens[known]
        values = {
            "wrong secret": f"PVEAPIToken={known}={WRONG_SECRET}",
            "unknown token id": f"PVEAPIToken={USER}!ghost={secret}",
            "malformed token": f"PVEAPIToken={secret}",
            "token with Bearer scheme": f"Bearer {known}={secret}",
            "token with colon separator": f"PVEAPIToken={known}:{secret}",
            "token with space instead of =": f"PVEAPIToken {known}={secret}",
            "token ok": f"PVEAPIToken={known}={secret}",
            "Basic auth": "Basic YXV0bzpzZWNyZXQ=",
        }
        return {"Authorization": values[label]} if label in values else {}

    def _ticket_headers(self, label: str) -> dict[str, str]:
        """Return cookie and CSRF token as the label says."""
        ticket, token = self._log_in()["ticket"], self._log_in()["CSRFPreventionToken"]
        if label == "garbage ticket":
            ticket = "garbage"
        elif label == "ticket with wrong signature":
            ticket = ticket[:-12] + "AAAAAAAAAA=="
        elif label.startswith("expired ticket"):
            ticket = self.simulator.control("POST", "/tickets", {"username": USER, "age_seconds": EXPIRED_AGE_SECONDS})["ticket"]
        headers = {"Cookie": "PVEAuthCookie=" + quote(ticket, safe="")}
        if label == "PUT with ticket, bad CSRF":
            headers["CSRFPreventionToken"] = "00000000:bad"
        elif "no CSRF" not in label:
            headers["CSRFPreventionToken"] = token
        return headers

    def follow(self, upid: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a task's final status and its log."""
        path = f"/api2/json/nodes/{upid.split(':')[1]}/tasks/{quote(upid, safe=':@!')}"
        deadline = time.monotonic() + TASK_TIMEOUT_SECONDS
        while True:
            status = self.send("GET", f"{path}/status", self.simulator.token(FOLLOWER)).body
            if status["data"]["status"] == "stopped" or time.monotonic() > deadline:
                return status, self.send("GET", f"{path}/log", self.simulator.token(FOLLOWER)).body
            time.sleep(0.01)


def replay_file(fixture: Path, file: str, report: Report) -> None:
    """Replay one file against a fresh world that is in the state the file begins with."""
    records = json.loads((fixture / file).read_text(encoding="utf-8"))
    digests = DigestRelation() if file in FILES_WITH_RANDOM_DIGESTS else None
    with Simulator(world="recorded", auth_delay=0, task_seconds=0.01, wait_scale=0.01, seed=7) as simulator:
        player = Player(simulator)
        if file in SEEDS:
            SEEDS[file](simulator, fixture)
        for number, record in enumerate(records):
            if (file, number) in STEPS:
                STEPS[file, number](simulator)
            if "request" not in record:
                continue  # what the kernel's files said in between; not a request
            key = f"{file}/{record['label']}"
            difference = compare(record, player.play(file, record), player, digests)
            if key in EXCLUSIONS:
                report.excluded[f"{key} (record {number})"] = EXCLUSIONS[key]
                if difference is None:
                    report.problems.append(f"{key} (record {number}) is excluded but agrees")
            elif difference is None:
                report.agreeing.append(f"{key} (record {number})")
            else:
                report.differing[f"{key} (record {number})"] = difference


def compare(record: dict[str, Any], answer: Answer, player: Player, digests: DigestRelation | None) -> str | None:
    """Return what differs between a record and an answer, None when they agree."""
    if (answer.status, answer.reason) != (record["status"], record["reason"]):
        return f"status line: recorded {record['status']} {record['reason']!r}, simulated {answer.status} {answer.reason!r}"
    if record["body"] is None:
        recorded_text = record.get("body_text") or ""
        return None if answer.text == recorded_text else f"body: recorded {recorded_text!r}, simulated {answer.text!r}"
    difference = _body_difference(record["body"], answer.body, digests)
    upid = answer.body.get("data") if isinstance(answer.body, dict) else None
    if difference is None and isinstance(upid, str) and upid.startswith("UPID:"):
        return _task_difference(record, *player.follow(upid))
    return difference


def _body_difference(recorded: Any, simulated: Any, digests: DigestRelation | None) -> str | None:
    """Return how two JSON bodies differ after normalisation."""
    ours, theirs = normalise(recorded), normalise(simulated)
    if digests is not None:
        theirs = digests.translate(ours, theirs)
    if ours == theirs:
        return None
    return "body: " + "; ".join(list(_differences(ours, theirs, "$"))[:6])


def _differences(ours: Any, theirs: Any, place: str) -> Any:
    """Yield where two values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}, key=str):
            if key not in ours or key not in theirs:
                yield f"{place}.{key} only {'recorded' if key in ours else 'simulated'}: {(ours if key in ours else theirs)[key]!r}"
            else:
                yield from _differences(ours[key], theirs[key], f"{place}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs)):
            yield from _differences(left, right, f"{place}[{index}]")
    elif ours != theirs:
        yield f"{place}: recorded {str(ours)[:200]}, simulated {str(theirs)[:200]}"


def _task_difference(record: dict[str, Any], status: dict[str, Any], log: dict[str, Any]) -> str | None:
    """Return how a followed task differs: its status, and the first and last line of its log.

    The lines between come from mkfs, rsync and resize2fs on the recorded host.
    """
    if record.get("task_status") is None:
        return None
    difference = _body_difference(record["task_status"], status, None)
    if difference is not None or record.get("task_log") is None:
        return difference and f"task {difference}"
    recorded, simulated = record["task_log"]["data"], log["data"]
    for place, name in ((0, "first"), (-1, "last")):
        if recorded[place]["t"] != simulated[place]["t"]:
            return f"task log, {name} line: recorded {recorded[place]['t']!r}, simulated {simulated[place]['t']!r}"
    return None


def replay_all(fixture: Path) -> Report:
    """Replay every recorded file of API requests."""
    report = Report()
    labels: set[str] = set()
    for path in sorted(fixture.glob("*.json")):
        if path.name not in NOT_API:
            labels |= {f"{path.name}/{record['label']}" for record in json.loads(path.read_text(encoding="utf-8")) if "request" in record}
            replay_file(fixture, path.name, report)
    report.problems += [f"exclusion {key!r} names no record" for key in EXCLUSIONS if key not in labels]
    return report
