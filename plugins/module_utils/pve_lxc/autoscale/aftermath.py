# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after a cycle: metrics and notifications. The lock is released by then, and nothing here changes how the cycle ended.

A failure here is a notice, and a metric; it is never an exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..clock import Clock
from ..errors import LockHeldError, LxcAutoscaleError, StateError
from ..ports import StateStore
from .assembly import assemble, open_notes
from .config_file import salvage_config
from .configuration.loop_config import LoopConfig
from .cycle import run_cycle
from .metrics.collect import collect
from .metrics.tally import count_cycle, count_failed_cycle
from .metrics.text import format_families
from .notify.news import News, news_of_cycle, news_of_failure
from .notify.tell import Audience, tell
from .parts import CycleResult
from .whole_file import replace_file

# Two runs that meet are nothing; one that holds the lock for so long is stuck.
STUCK_AFTER_SECONDS = 900.0


def run_and_tell(config: LoopConfig, clock: Clock, mode: str, *, is_by_hand: bool) -> CycleResult:
    """Return what one cycle did, after whoever is to know of it was told.

    Args:
        config: valid.
        clock: time.
        mode: ``recommend`` or ``apply``.
        is_by_hand: whether somebody looks at it, so that it is counted and nobody is told.

    Raises:
        LxcAutoscaleError: as ``run_cycle`` and ``assemble``; what could not be told is added to it as a note.
    """
    try:
        parts = assemble(config, clock)
    except LxcAutoscaleError as error:
        if not is_by_hand:
            _note(error, after_failure(config, None, error, clock.now()))
        raise
    try:
        result = run_cycle(parts, mode)
        return replace(result, notices=(*result.notices, *after_cycle(config, parts.state, result, clock.now(), is_by_hand=is_by_hand)))
    except LxcAutoscaleError as error:
        if not is_by_hand:
            _note(error, after_failure(config, parts.state, error, clock.now()))
        raise
    finally:
        parts.close()


def after_cycle(config: LoopConfig, state: StateStore, result: CycleResult, now: float, *, is_by_hand: bool) -> tuple[str, ...]:
    """Count a cycle that came to its end, write its metrics and tell of it; return what went wrong with that."""
    policy = config.settings.general.policy
    notices = _tried("metrics could not be counted", lambda: count_cycle(state, result, policy, now))
    if is_by_hand:
        return notices
    return (*notices, *_show_and_tell(config, state, news_of_cycle(result), now))


def after_failure(config: LoopConfig, state: StateStore | None, error: LxcAutoscaleError, now: float) -> tuple[str, ...]:
    """Count a cycle that failed as a whole, write its metrics and tell of it; return what went wrong with that."""
    opened = None
    if state is None:
        state = opened = _open(config.state_path)
    try:
        kept = state
        if isinstance(error, LockHeldError) and not _is_stuck(kept, now):
            return ()
        notices: tuple[str, ...] = ()
        if kept is not None and not isinstance(error, LockHeldError):
            notices = _tried("metrics could not be counted", lambda: count_failed_cycle(kept, now))
        return (*notices, *_show_and_tell(config, kept, news_of_failure(config.node, error), now))
    finally:
        if opened is not None:
            opened.close()


def after_broken_config(path: str, environment: Mapping[str, str], error: LxcAutoscaleError, now: float) -> tuple[str, ...]:
    """Tell of a configuration that cannot be used whoever it names in spite of that; return what went wrong with that."""
    found: list[str] = []

    def act() -> None:
        salvaged = salvage_config(path, environment)
        if salvaged is None:
            found.append("nobody could be told, because that file says who is to be")
            return
        state = _open(salvaged.state_path)
        try:
            found.extend(_tell(Audience(salvaged.notifiers), state, news_of_failure(salvaged.node, error), now))
        finally:
            if state is not None:
                state.close()

    return (*_tried("nobody could be told", act), *found)


def _show_and_tell(config: LoopConfig, state: StateStore | None, news: News, now: float) -> tuple[str, ...]:
    """Write the metrics, tell, and write them again when a notifier failed, so that they say it at once."""
    written = _publish(config, state)
    secrets = (config.connection.token_secret, config.connection.password)
    audience = Audience(config.notifiers, tuple(secret for secret in secrets if secret), config.settings.general.policy.interval_seconds)
    told: list[str] = []
    failed = _tried("nobody could be told", lambda: told.extend(_tell(audience, state, news, now)))
    if told and not written:
        written = _publish(config, state)
    return (*written, *told, *failed)


def _publish(config: LoopConfig, state: StateStore | None) -> tuple[str, ...]:
    if not config.metrics_path or state is None:
        return ()
    kept = state
    what = f"the metrics could not be written to {config.metrics_path}"
    return _tried(what, lambda: replace_file(config.metrics_path, format_families(collect(kept, config)), 0o644))


def _tell(audience: Audience, state: StateStore | None, news: News, now: float) -> tuple[str, ...]:
    deliveries = tell(audience, state, news, now)
    return tuple(f"notifier {delivery.name}: {delivery.answer}" for delivery in deliveries if not delivery.is_sent)


def _tried(what: str, act: Callable[[], object]) -> tuple[str, ...]:
    """Do something and return nothing; whatever it raises becomes a notice, for a cycle is not to fail by what comes after it."""
    try:
        act()
    except OSError as error:
        return (f"{what}: {error.strerror or type(error).__name__}",)
    except LxcAutoscaleError as error:
        return (f"{what}: {str(error).strip()}",)
    except Exception as error:
        return (f"{what}: failed with {type(error).__name__}",)
    return ()


def _open(state_path: str) -> StateStore | None:
    try:
        return open_notes(state_path)
    except StateError:
        return None


def _is_stuck(state: StateStore | None, now: float) -> bool:
    """Return whether no cycle has ended for so long that the one that holds the lock must be stuck."""
    if state is None:
        return False
    try:
        last = state.read_last_run()
    except StateError:
        return False
    return last is not None and now - float(last["ended"]) > STUCK_AFTER_SECONDS


def _note(error: LxcAutoscaleError, notices: tuple[str, ...]) -> None:
    for notice in notices:
        error.add_note(notice)
