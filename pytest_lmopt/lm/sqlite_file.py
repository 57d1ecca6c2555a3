"""SQLite files that several processes share: opened alike, checked, set aside when damaged.

Whoever has such a file open holds a shared lock on the empty file ``<name>.in-use`` beside it. A
damaged file is moved only under the exclusive lock: SQLite connections to a moved file would go on
writing to its old names.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_lmopt.errors import LmoptError

BUSY_TIMEOUT_SECONDS = 60.0
IN_USE_SECONDS = 10.0
ALONE_SECONDS = 0.5
LOG_PAGES = 10_000
"""40 MB."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)


class _NotReadyError(sqlite3.DatabaseError):
    """There is no file, a new one, or a damaged one."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """An open file, in autocommit: transactions are begun by statement.

    The connection may be used by any thread, by one at a time. ``set_aside`` is where a damaged
    file was moved to before this one was begun.
    """

    connection: sqlite3.Connection
    set_aside: Path | None
    guard: sqlite3.Connection

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
        self.guard.close()


def open_database(path: Path, schema: str) -> Database:
    """Open or create the file, with the statements of ``schema`` executed.

    A commit is durable when it returns, and waits for other processes' up to a minute. A damaged
    file, or one with another's write-ahead log, is set aside as ``<name>.damaged-<k>`` and a new
    one begun. Raises ``sqlite3.OperationalError`` where the file can't be used: locked for too
    long, no folder, no permission.
    """
    set_aside: Path | None = None
    deadline = time.monotonic() + IN_USE_SECONDS
    while True:
        guard = _locked(path, "BEGIN", BUSY_TIMEOUT_SECONDS)
        try:
            return Database(connection=_opened(path, schema), set_aside=set_aside, guard=guard)
        except _NotReadyError as error:
            problem = error
            guard.close()
        except BaseException:
            guard.close()
            raise
        try:
            set_aside = _prepare(path) or set_aside
        except sqlite3.OperationalError as error:
            # somebody has it open, perhaps because they have just made it sound
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() < deadline:
                continue
            raise sqlite3.OperationalError(
                f"{path} can't be used ({problem}), and another process still has it open; end "
                "that, then run again"
            ) from None


@contextmanager
def told_as(error_class: Callable[..., LmoptError], path: Path) -> Iterator[None]:
    """SQLite's errors told as ours, made from the problem and the file's ``path``."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise error_class(str(error), path=path) from error


@contextmanager
def if_alone(database: Database) -> Iterator[bool]:
    """Whether nobody else has the file open; if so, nobody can open it until the block ends."""
    guard = database.guard
    guard.execute("COMMIT")
    guard.execute("PRAGMA busy_timeout=0")
    try:
        with suppress(sqlite3.OperationalError):
            guard.execute("BEGIN EXCLUSIVE")
        yield guard.in_transaction
    finally:
        if guard.in_transaction:
            guard.execute("COMMIT")
        guard.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000:.0f}")
        _hold(guard, "BEGIN")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with no other process writing between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it
            connection.execute("ROLLBACK")
        raise


def read_only(path: Path, *, log: bool = True) -> sqlite3.Connection:
    """A connection that changes nothing, when closed neither; ``log`` tells whether to read the
    write-ahead log too.
    """
    mode = "mode=ro" if log else "immutable=1"
    return _connect(f"{path.absolute().as_uri()}?{mode}", BUSY_TIMEOUT_SECONDS, uri=True)


def _connect(name: Path | str, seconds: float, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        name, timeout=seconds, isolation_level=None, check_same_thread=False, uri=uri
    )


def _locked(path: Path, begin: str, seconds: float) -> sqlite3.Connection:
    """A connection holding a lock on ``path``'s guard, till it is closed or its process ends."""
    guard = _connect(path.with_name(f"{path.name}.in-use"), seconds)
    try:
        _hold(guard, begin)
    except sqlite3.DatabaseError:
        guard.close()
        raise
    return guard


def _hold(guard: sqlite3.Connection, begin: str) -> None:
    guard.execute(begin)
    guard.execute("SELECT count(*) FROM sqlite_master").fetchone()  # takes the lock


def _opened(path: Path, schema: str) -> sqlite3.Connection:
    """A connection to a sound file; raises ``_NotReadyError`` otherwise."""
    problem = damage(path) if path.exists() else "there is none"
    if problem:
        raise _NotReadyError(problem)
    connection = _connect(path, BUSY_TIMEOUT_SECONDS)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            raise _NotReadyError("it was just created")
        # what is written is paid for: it must survive a crash right after
        connection.execute("PRAGMA synchronous=FULL")
        # SQLite before 3.52 may, rarely, damage the file where several processes copy the log
        # into it: mostly only the last to close the file does
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        connection.executescript(schema)
    except BaseException:
        connection.close()
        raise
    return connection


def damage(path: Path) -> str:
    """What is wrong with an existing file, empty if nothing is.

    Reads only: a connection that may write copies the write-ahead log into the file when it is
    closed, even one that belongs to another file.
    """
    try:
        log = path.with_name(f"{path.name}-wal")
        if path.stat().st_size == 0 and log.exists() and log.stat().st_size:
            return "it is empty, but its write-ahead log is not"
        with closing(read_only(path)) as connection:
            problem = connection.execute("PRAGMA quick_check").fetchone()[0]
            found = _identity(connection)
        own = 0
        with suppress(sqlite3.DatabaseError), closing(read_only(path, log=False)) as connection:
            own = _identity(connection)
    except sqlite3.DatabaseError as error:
        if _code(error) == sqlite3.SQLITE_READONLY:
            return ""  # its creation was interrupted: a connection that may write mends it
        if _code(error) in _DAMAGE or "unsupported file format" in str(error):
            return str(error)
        raise
    if problem == "ok" and own not in (0, found):
        return "its write-ahead log belongs to another file"
    return "" if problem == "ok" else str(problem)


def _identity(connection: sqlite3.Connection) -> int:
    """A random number given to each file; 0 where it has none, or its page is in the log only."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _prepare(path: Path) -> Path | None:
    """Make a sound file while nobody has it open; where a damaged one was moved to, if one was."""
    with closing(_locked(path, "BEGIN EXCLUSIVE", ALONE_SECONDS)):
        set_aside = _set_aside(path) if path.exists() and damage(path) else None
        with closing(_connect(path, BUSY_TIMEOUT_SECONDS)) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA application_id={1 + secrets.randbelow(2**31 - 1)}")
    return set_aside


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
