"""SQLite files that several processes share: opened alike, checked, set aside when damaged.

Whoever has such a file open holds a shared lock on the empty file ``<name>.in-use`` beside it. A
damaged file is moved only under the exclusive lock: SQLite connections to a moved file would go on
writing to its old names.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pytest_lmopt.errors import LmoptError
from pytest_lmopt.suites.reading import other_than_file

BUSY_TIMEOUT_SECONDS = 60.0
IN_USE_SECONDS = 10.0
ALONE_SECONDS = 0.5
LOG_PAGES = 10_000
"""40 MB."""
ATTEMPTS = 5
"""How often a file is made sound before it is given up."""
LEAST_CHECK_SECONDS = 60.0
CHECKED_BYTES_A_SECOND = 5e6
"""A check that takes longer than these two allow goes round in circles."""
STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock."""
_NOT_DAMAGE = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_AUTH,
)
"""What keeps a file from being used that may be sound. Whatever else SQLite says of a file of ours,
its content is to blame."""

Check = Callable[[sqlite3.Connection], str]
"""What is wrong with the cells of an open file, empty if nothing is."""
Step = Callable[[sqlite3.Connection], None]
"""Brings a table that an earlier version made up to date, within a transaction."""
Kinds = Mapping[str, Mapping[str, Sequence[str]]]
"""By table and column, what SQLite may say of the type of its cells."""


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
        try:
            self.connection.close()
        finally:
            self.guard.close()


def open_database(path: Path, schema: str, *, check: Check | None = None) -> Database:
    """Open or create the file, with the statements of ``schema`` executed.

    A commit is durable when it returns, and waits for other processes' up to a minute. A damaged
    file, one that fails the ``check``, or one with another's write-ahead log, is set aside as
    ``<name>.damaged-<k>`` and a new one begun. Raises ``sqlite3.OperationalError`` or ``OSError``
    where the file can't be used: locked for too long, no folder, no permission, not a file.
    """
    _refuse_what_is_not_a_file(path)
    set_aside: Path | None = None
    deadline = time.monotonic() + IN_USE_SECONDS
    attempts = 0
    while True:
        guard = _locked(path, "BEGIN", BUSY_TIMEOUT_SECONDS)
        try:
            connection = _opened(path, schema, check)
            return Database(connection=connection, set_aside=set_aside, guard=guard)
        except _NotReadyError as error:
            problem = error
            guard.close()
        except BaseException:
            guard.close()
            raise
        attempts += 1
        if attempts > ATTEMPTS:
            raise sqlite3.OperationalError(str(problem))
        try:
            set_aside = _prepare(path, schema, check) or set_aside
        except sqlite3.OperationalError as error:
            # somebody has it open, perhaps because they have just made it sound
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() < deadline:
                attempts -= 1
                continue
            raise sqlite3.OperationalError(
                f"{path} can't be used ({problem}), and another process still has it open; end "
                "that, then run again"
            ) from None


def open_versions(path: Path, schema: str, *steps: Step, check: Check | None = None) -> Database:
    """As ``open_database``, with all columns whatever version began the file.

    The ``steps`` bring its tables up to date. Raises ``sqlite3.DatabaseError`` where they are not
    ours.
    """
    database = open_database(path, schema, check=check)
    try:
        with transaction(database.connection):
            for step in steps:
                step(database.connection)
            refuse_other_tables(database.connection, schema)
    except BaseException:
        database.close()
        raise
    return database


def named_holders(table: str) -> Step:
    """The step that renames the column ``pid`` of a table that knew processes by their number.

    A number may be another process's by now, so it names no process that still runs.
    """

    def step(connection: sqlite3.Connection) -> None:
        if "pid" in dict(columns_of(connection, table)):
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN pid TO holder")

    return step


@contextmanager
def told_as(error_class: Callable[..., LmoptError], path: Path) -> Iterator[None]:
    """SQLite's errors told as ours, made from the problem and the file's ``path``."""
    try:
        yield
    except (sqlite3.Error, OSError, OverflowError, UnicodeError, MemoryError) as error:
        problem = printed(str(error)) or type(error).__name__
        raise error_class(problem, path=path) from error


@contextmanager
def if_alone(database: Database) -> Iterator[bool]:
    """Whether no other process has the file open; if so, none can open it until the block ends."""
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


@contextmanager
def within(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Let SQLite give up a statement that takes it longer: damage can lead it in circles."""
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def wrong_cell(connection: sqlite3.Connection, kinds: Kinds) -> str:
    """The first column of which a cell has another type: SQLite lets any cell hold anything."""
    for table, columns in kinds.items():
        there = dict(columns_of(connection, table)).keys()
        for column in columns.keys() & there:
            allowed = ", ".join(f"'{kind}'" for kind in columns[column])
            query = f"SELECT 1 FROM {table} WHERE typeof({column}) NOT IN ({allowed}) LIMIT 1"
            if connection.execute(query).fetchone() is not None:
                return f"{table}.{column}: expected {' or '.join(columns[column])}"
    return ""


def columns_of(connection: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    """A table's columns: name, and place in the primary key; empty if the table is missing."""
    rows = connection.execute(f"PRAGMA table_info({table})")
    return [(name, key) for _, name, _, _, _, key in rows]


def refuse_other_tables(connection: sqlite3.Connection, schema: str) -> None:
    """Raise ``sqlite3.DatabaseError`` where a table of the schema has not the schema's columns.

    It is another program's, or of another version, so its file is not set aside as damaged.
    """
    for table, columns in _columns(schema).items():
        if columns_of(connection, table) != columns:
            raise sqlite3.DatabaseError(f"its table of {table} is not ours; move the file away")


@lru_cache(maxsize=8)
def _columns(schema: str) -> dict[str, list[tuple[str, int]]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema)
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return {table: columns_of(connection, table) for (table,) in tables.fetchall()}


def printed(problem: str) -> str:
    """What SQLite says in a line; it quotes names from the file, which may hold anything."""
    return " ".join("".join(c if c.isprintable() else " " for c in problem).split())[:200]


def _refuse_what_is_not_a_file(path: Path) -> None:
    """Raise ``OSError`` for a folder, a pipe or a link that leads in circles in a file's place."""
    for suffix in ("", "-wal", "-shm", "-journal", ".in-use"):
        place = path.with_name(path.name + suffix)
        with suppress(FileNotFoundError):
            if found := other_than_file(place):
                raise OSError(f"{place.name}: expected a file, found {found}")


def _connect(name: Path | str, seconds: float, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, timeout=seconds, isolation_level=None, check_same_thread=False, uri=uri
    )
    # a flipped bit in a text must not keep the row from being read
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def _locked(path: Path, begin: str, seconds: float) -> sqlite3.Connection:
    """A connection holding a lock on ``path``'s guard, till it is closed or its process ends."""
    name = path.with_name(f"{path.name}.in-use")
    guard = _connect(name, seconds)
    try:
        try:
            _hold(guard, begin)
        except sqlite3.DatabaseError as error:
            if _code(error) in _NOT_DAMAGE:
                raise
            # it says nothing; emptied by its name, it stays the file that others have locked
            os.truncate(name, 0)
            guard.close()
            guard = _connect(name, seconds)
            _hold(guard, begin)
    except BaseException:
        guard.close()
        raise
    return guard


def _hold(guard: sqlite3.Connection, begin: str) -> None:
    guard.execute(begin)
    guard.execute("SELECT count(*) FROM sqlite_master").fetchone()  # takes the lock


def _opened(path: Path, schema: str, check: Check | None) -> sqlite3.Connection:
    """A connection to a sound file; raises ``_NotReadyError`` otherwise."""
    problem = damage(path, check) if path.exists() else "there is none"
    if problem:
        raise _NotReadyError(problem)
    return _begun(path, schema)


def _begun(path: Path, schema: str) -> sqlite3.Connection:
    """A connection to a file that seems sound; raises ``_NotReadyError`` where it is not."""
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
        _try_to_write(connection)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        connection.close()
        if _is_damage(error, path):
            raise _NotReadyError(printed(str(error))) from None
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _try_to_write(connection: sqlite3.Connection) -> None:
    """Write, and take it back: to begin a transaction succeeds on a read-only file, too."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("PRAGMA user_version=0")
    finally:
        if connection.in_transaction:  # a full disk may have ended it
            connection.execute("ROLLBACK")


def damage(path: Path, check: Check | None = None) -> str:
    """What is wrong with an existing file, empty if nothing is.

    Reads only: a connection that may write copies the write-ahead log into the file when it is
    closed, even one that belongs to another file.
    """
    try:
        return _damage(path, check)
    except UnicodeDecodeError:
        return "SQLite's words on it are not text"
    except MemoryError:
        return "to check it takes more memory than there is"
    except sqlite3.DatabaseError as error:
        if _code(error) in _NOT_DAMAGE:
            raise
        # where it is read-only its creation was interrupted: a connection that may write mends it
        problem = printed(str(error)) or "unknown"
        return problem if _code(error) != sqlite3.SQLITE_READONLY else ""


def _damage(path: Path, check: Check | None) -> str:
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size
    if size == 0 and log.exists() and log.stat().st_size:
        return "it is empty, but its write-ahead log is not"
    seconds = LEAST_CHECK_SECONDS + size / CHECKED_BYTES_A_SECOND
    with closing(read_only(path)) as connection, within(connection, seconds):
        problem = str(connection.execute("PRAGMA quick_check").fetchone()[0])
        found = _identity(connection)
        if problem == "ok" and check is not None:
            problem = check(connection) or "ok"
    own = 0
    with suppress(sqlite3.DatabaseError), closing(read_only(path, log=False)) as connection:
        own = _identity(connection)
    if problem == "ok" and own not in (0, found):
        return "its write-ahead log belongs to another file"
    return "" if problem == "ok" else printed(problem)


def _identity(connection: sqlite3.Connection) -> int:
    """A random number given to each file; 0 where it has none, or its page is in the log only."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _is_damage(error: Exception, path: Path) -> bool:
    """Whether the content of a file that could be opened is to blame for an error."""
    if not isinstance(error, sqlite3.Error):
        return True  # SQLite's words on it are not text
    if _code(error) == sqlite3.SQLITE_READONLY:
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    # an error of the statement: a table of ours is another program's
    return _code(error) not in (*_NOT_DAMAGE, sqlite3.SQLITE_ERROR, 0)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _prepare(path: Path, schema: str, check: Check | None) -> Path | None:
    """Make a sound file while nobody has it open; where a damaged one was moved to, if one was."""
    with closing(_locked(path, "BEGIN EXCLUSIVE", ALONE_SECONDS)):
        set_aside = _set_aside(path) if _is_damaged(path, schema, check) else None
        with closing(_connect(path, BUSY_TIMEOUT_SECONDS)) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA application_id={1 + secrets.randbelow(2**31 - 1)}")
    return set_aside


def _is_damaged(path: Path, schema: str, check: Check | None) -> bool:
    if not path.exists() or damage(path, check):
        return path.exists()
    try:
        with closing(_connect(path, BUSY_TIMEOUT_SECONDS)) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                # its creation was interrupted, if it can be written to
                _try_to_write(connection)
                return False
        _begun(path, schema).close()
    except _NotReadyError:
        return True
    except sqlite3.DatabaseError as error:
        if not _is_damage(error, path):
            raise
        return True
    return False


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
