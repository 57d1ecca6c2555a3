"""``--lm-executor``: suites whose blocks run on a Dask cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_lmopt.blocks.dask.cluster import Cluster
from pytest_lmopt.blocks.dask.known import KnownAnswers
from pytest_lmopt.blocks.dask.messages import Spec
from pytest_lmopt.blocks.dask.runner import DaskRunner
from pytest_lmopt.blocks.runner import LocalRunner
from pytest_lmopt.errors import ClusterError
from pytest_lmopt.lm.money.ledger import Ledger
from pytest_lmopt.lm.net.rules import Rules
from pytest_lmopt.lm.telemetry.destination import settings
from pytest_lmopt.plugin.serving import arguments
from pytest_lmopt.plugin.session import LmSession
from pytest_lmopt.suites.places import name_below, name_from
from pytest_lmopt.suites.suite import Suite


def connect(session: LmSession) -> None:
    """Have the session's cluster at hand; raises a usage error if it can't be used."""
    address, options = session.options.executor, session.options
    if address is None or options.dry_run or session.cluster is not None:
        return
    try:
        session.cluster = Cluster(address, session=session.name)
    except ClusterError as error:
        raise pytest.UsageError(str(error)) from None
    session.closing.callback(session.cluster.close)


def cluster_runner(
    item: pytest.Function,
    suite: Suite,
    local: LocalRunner,
    *,
    ledger: Ledger,
    rules: Rules,
    session: LmSession,
    cluster: Cluster,
) -> DaskRunner:
    """The runner of a suite on the session's cluster."""
    config, options = item.config, session.options
    inifile = name_below(config.inipath, session.root) if config.inipath else None
    telemetry = session.telemetry
    spec = Spec(
        session=session.name,
        suite=suite.name,
        root=str(session.root),
        inifile=inifile,
        folder=name_from(config.invocation_params.dir, session.root),
        paths=_own_paths(session.root),
        args=arguments(config),
        model=options.model,
        dataset=suite.dataset.digest,
        metric=suite.metric_digest,
        telemetry=settings() if telemetry else {},
        promise=rules.promise,
        replaying=rules.replaying,
    )
    known = KnownAnswers(
        suite.name,
        session.store,
        mode=options.cache,
        committed=session.committed,
        since=session.started,
    )
    return DaskRunner(
        spec,
        local,
        cluster=cluster,
        ledger=ledger,
        known=known,
        mode=options.cache,
        notice=session.notices.append,
        trace=telemetry.here if telemetry else dict,
    )


def _own_paths(root: Path) -> tuple[str, ...]:
    """What is importable from the project's own folders, relative to its root."""
    found = [Path(path or ".").absolute() for path in sys.path]
    installed = Path(sys.prefix)
    names = ((path, name_below(path, root)) for path in found)
    return tuple(name for path, name in names if name and name_below(path, installed) is None)
