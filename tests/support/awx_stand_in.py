# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small stand-in for AWX's API, over HTTPS on loopback: enough of it for playbooks/awx_setup.yml, and as strict as AWX where that matters.

It keeps objects by kind, filters lists by equality, refuses credential types and surveys that AWX would refuse (awx_rules.py), lets a project
be fetched only after it was looked at twice, and refuses a job template whose project is not fetched or has no such playbook. ``writes`` lists what was
written, so that a test can show that a second run writes nothing.
"""

from __future__ import annotations

import http.server
import json
import pathlib
import ssl
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any

import trustme

from .awx_rules import credential_type_problems, survey_problems

TOKEN = "stand-in-token"
KINDS = {
    "organizations": {"name"},
    "credentials": {"name", "credential_type"},
    "credential_types": {"name", "description", "kind", "inputs", "injectors"},
    "execution_environments": {"name", "description", "organization", "image"},
    "projects": {"name", "description", "organization", "scm_type", "scm_url", "scm_branch", "scm_update_on_launch"},
    "inventories": {"name", "description", "organization"},
    "job_templates": {
        "name",
        "description",
        "job_type",
        "inventory",
        "project",
        "playbook",
        "execution_environment",
        "survey_enabled",
        "ask_job_type_on_launch",
        "ask_diff_mode_on_launch",
    },
    "schedules": {"name", "rrule", "extra_data", "unified_job_template"},
}
REFERENCES = {
    "organization": "organizations",
    "inventory": "inventories",
    "project": "projects",
    "execution_environment": "execution_environments",
    "unified_job_template": "job_templates",
}
LOOKS_UNTIL_FETCHED = 2


class Refused(Exception):
    """What AWX answers instead of doing it."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


class AwxStandIn:
    """The state behind the API."""

    def __init__(self, playbooks: list[str]) -> None:
        self.playbooks = playbooks
        self.lock = threading.Lock()
        self.writes: list[str] = []
        self.objects: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.surveys: dict[int, Any] = {}
        self.attached: dict[int, list[int]] = {}
        self.looks: dict[int, int] = {}
        self._last_id = 0
        self.add("organizations", {"name": "Default"})
        self.url = ""
        self.ca_path = ""

    def add(self, kind: str, fields: Mapping[str, Any]) -> int:
        self._last_id += 1
        self.objects[kind][self._last_id] = {"id": self._last_id, **fields}
        return self._last_id

    def named(self, kind: str, name: str) -> dict[str, Any]:
        [found] = [entry for entry in self.objects[kind].values() if entry["name"] == name]
        return found

    def answer(self, method: str, parts: list[str], query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        """Return status and body of one request; ``parts`` is the path behind /api/v2/."""
        if method != "GET":
            self.writes.append(f"{method} {'/'.join(parts)}")
        match method, parts:
            case "GET", [kind]:
                return 200, self._listed(list(self._kind(kind).values()), query)
            case "GET", [kind, number]:
                return 200, self._looked_at(kind, self._one(kind, number))
            case "POST", [kind]:
                return 201, self._made(kind, body)
            case "PATCH", [kind, number]:
                return 200, self._changed(kind, self._one(kind, number), body)
            case "GET", ["job_templates", number, "survey_spec"]:
                return 200, self.surveys.get(self._one("job_templates", number)["id"], {})
            case "POST", ["job_templates", number, "survey_spec"]:
                return 200, self._survey(self._one("job_templates", number), body)
            case "GET", ["job_templates", number, "credentials"]:
                attached = self.attached.get(self._one("job_templates", number)["id"], [])
                return 200, self._listed([self.objects["credentials"][entry] for entry in attached], query)
            case "POST", ["job_templates", number, "credentials"]:
                self.attached.setdefault(self._one("job_templates", number)["id"], []).append(self._one("credentials", body["id"])["id"])
                return 204, None
        raise Refused(404, {"detail": "Not found."})

    def _kind(self, kind: str) -> dict[int, dict[str, Any]]:
        if kind not in self.objects:
            raise Refused(404, {"detail": "The requested resource could not be found."})
        return self.objects[kind]

    def _one(self, kind: str, number: Any) -> dict[str, Any]:
        found = self._kind(kind).get(int(number)) if str(number).isdigit() else None
        if found is None:
            raise Refused(404, {"detail": "Not found."})
        return found

    def _listed(self, entries: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
        found = [entry for entry in entries if all(str(entry.get(name)) == value for name, value in query.items())]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _looked_at(self, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
        if kind == "projects" and entry["status"] == "pending":
            self.looks[entry["id"]] = self.looks.get(entry["id"], 0) + 1
            if self.looks[entry["id"]] >= LOOKS_UNTIL_FETCHED:
                entry["status"] = "successful"
        return entry

    def _made(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        entries = self._kind(kind)
        if any(entry["name"] == body.get("name") for entry in entries.values()):
            raise Refused(400, {"name": [f"{kind} with this name already exists."]})
        self._check(kind, body)
        derived: dict[str, Any] = {}
        if kind == "projects":
            derived = {"status": "pending"}
        elif kind == "job_templates":
            derived = {"organization": self.objects["projects"][body["project"]]["organization"]}
        return entries[self.add(kind, {**body, **derived})]

    def _changed(self, kind: str, entry: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        self._check(kind, {**{name: value for name, value in entry.items() if name in KINDS[kind]}, **body})
        entry.update(body)
        return entry

    def _check(self, kind: str, body: Mapping[str, Any]) -> None:
        """Refuse what AWX would refuse."""
        if set(body) - KINDS[kind]:
            raise Refused(400, {name: ["unknown here"] for name in sorted(set(body) - KINDS[kind])})
        for name, kind_meant in REFERENCES.items():
            if name in body and (isinstance(body[name], bool) or not isinstance(body[name], int) or body[name] not in self.objects[kind_meant]):
                raise Refused(400, {name: [f"Invalid pk {body[name]!r} - object does not exist."]})
        if kind == "credential_types" and (problems := credential_type_problems(body)):
            raise Refused(400, {"inputs": problems})
        if kind == "job_templates":
            project = self.objects["projects"][body["project"]]
            if project["status"] != "successful" or body["playbook"] not in self.playbooks:
                raise Refused(400, {"playbook": ["Playbook not found for project."]})

    def _survey(self, template: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        if problems := survey_problems(body):
            raise Refused(400, {"error": problems[0]})
        self.surveys[template["id"]] = body
        return {}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    awx: AwxStandIn

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        url = urllib.parse.urlsplit(self.path)
        try:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(401, {"detail": "Authentication credentials were not provided. To establish a login session, visit /api/login/."})
            if not url.path.startswith("/api/v2/") or not url.path.endswith("/"):
                raise Refused(404, {"detail": "Not found."})
            with self.awx.lock:
                parts = url.path.removeprefix("/api/v2/").strip("/").split("/")
                status, body = self.awx.answer(self.command, parts, dict(urllib.parse.parse_qsl(url.query)), json.loads(raw) if raw else None)
        except Refused as refused:
            status, body = refused.status, refused.body
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _serve

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def start_awx_stand_in(folder: pathlib.Path, playbooks: list[str]) -> tuple[http.server.ThreadingHTTPServer, AwxStandIn]:
    """Return a listener, to be shut down, and the state behind it, with ``url`` and ``ca_path`` set."""
    authority = trustme.CA()
    awx = AwxStandIn(playbooks)
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"awx": awx}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    awx.ca_path = str(folder / "awx_ca.pem")
    authority.cert_pem.write_to_path(awx.ca_path)
    awx.url = f"https://127.0.0.1:{listener.server_address[1]}"
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener, awx
