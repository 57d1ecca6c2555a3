"""Keeping the recordings under their limit when a session ends."""

from __future__ import annotations

from pytest_lmopt.errors import RecordingsError
from pytest_lmopt.plugin.session import LmSession

SLACK = 0.9
"""Share of the limit to which a file that passed it is cut, so that not every run has to."""


def keep_limit(session: LmSession) -> None:
    """Prune as asked for, or where the limit was passed, and note what was freed.

    Nothing that this session used is dropped.
    """
    options, stores = session.options, session.stores
    size = stores.recordings_size()
    if options.dry_run or not size:
        return
    limit = options.prune_to
    if limit is None:
        if size <= options.cache_limit:
            return
        limit = int(options.cache_limit * SLACK)
    try:
        pruned = stores.prune_recordings(limit, in_use_since=session.started)
    except RecordingsError as error:
        session.refused.append(f"the pruned recordings: {error}")
        return
    if pruned.recordings or options.prune_to is not None:
        session.notices.append(
            f"recordings pruned: {pruned.recordings} dropped, {_size(pruned.before)} → "
            f"{_size(pruned.after)}"
        )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
