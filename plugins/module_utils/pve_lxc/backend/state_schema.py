# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the loop's own database, and how an older one becomes a newer one."""

from __future__ import annotations

# One entry for each schema version, applied in order; what was released is never edited, only followed by another.
MIGRATIONS = (
    """
    CREATE TABLE memory (vmid INTEGER PRIMARY KEY, updated REAL NOT NULL, body TEXT NOT NULL);
    CREATE TABLE run (
        run_id INTEGER PRIMARY KEY AUTOINCREMENT, mode TEXT NOT NULL, started REAL NOT NULL, ended REAL, result TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE decision (vmid INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, time REAL NOT NULL, body TEXT NOT NULL);
    CREATE TABLE change (
        change_id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, vmid INTEGER NOT NULL, name TEXT NOT NULL, node TEXT NOT NULL,
        begun REAL NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, before_json TEXT NOT NULL, target_json TEXT NOT NULL,
        ended REAL, outcome_json TEXT
    );
    CREATE INDEX change_by_vmid ON change (vmid, change_id);
    CREATE INDEX change_open ON change (change_id) WHERE ended IS NULL;
    """,
    # A rollback says which change it goes back before (undoes_from), and a change whose container it was made to (identity); a run whether it
    # failed as a whole; and small things of others have a place (note).
    """
    CREATE TABLE note (name TEXT PRIMARY KEY, updated REAL NOT NULL, body TEXT NOT NULL);
    ALTER TABLE change ADD COLUMN undoes_from INTEGER;
    ALTER TABLE change ADD COLUMN identity TEXT NOT NULL DEFAULT '';
    CREATE INDEX change_by_time ON change (begun);
    ALTER TABLE run ADD COLUMN is_failed INTEGER NOT NULL DEFAULT 0;
    UPDATE run SET is_failed = 1 WHERE result LIKE 'failed: %';
    """,
)

SCHEMA_VERSION = len(MIGRATIONS)

# Runs without changes are kept this long; changes are kept for ever, for a rollback may need the first.
RUN_KEPT_SECONDS = 30 * 86400.0

# The mode of a run that is an operator's rollback and no cycle.
ROLLBACK_MODE = "rollback"
