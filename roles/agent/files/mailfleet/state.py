# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What holds lanes back, in the ledger's database: backoff of addresses and domains, and the operator's pauses.

The ledger service and the commands write, steer reads. A reader that cannot read keeps what it read last: mail never
waits for this file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mailfleet.backoff import AHEAD_SECONDS, NORMAL, Backoff

# Kinds of pauses.
POOL, IP, DOMAIN, ISP = "pool", "ip", "domain", "isp"
KINDS = (POOL, IP, DOMAIN, ISP)

_READ_SECONDS = 0.1
_FIELDS = Backoff._fields[:-1]  # strikes are forgotten by a restart
_STATE_COLUMNS = (
    "state TEXT, since REAL, until REAL, connections INTEGER, began REAL, delivered INTEGER, refused INTEGER, cls TEXT,"
    " rule TEXT, action TEXT, reason TEXT"
)
SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS lane_state (pool TEXT, ip TEXT, isp TEXT, {_STATE_COLUMNS},"
    " PRIMARY KEY (pool, ip, isp)) WITHOUT ROWID",
    f"CREATE TABLE IF NOT EXISTS domain_state (pool TEXT, domain TEXT, isp TEXT, {_STATE_COLUMNS},"
    " PRIMARY KEY (pool, domain, isp)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS controls (kind TEXT, name TEXT, reason TEXT, since REAL, until REAL,"
    " transactional INTEGER, PRIMARY KEY (kind, name)) WITHOUT ROWID",
)

# (pool, source address or sender domain, ISP)
Key = tuple[str, str, str]


class Control(NamedTuple):
    """An operator's pause."""

    kind: str
    name: str
    reason: str
    since: float
    until: float  # 0: until somebody resumes it
    transactional: bool  # whether it holds back transactional pools, too

    def active(self, now: float) -> bool:
        return not self.until or now < self.until


class State(NamedTuple):
    """All of it, as it was when it was read."""

    lanes: Mapping[Key, Backoff] = {}
    domains: Mapping[Key, Backoff] = {}
    controls: Mapping[tuple[str, str], Control] = {}

    def paused(self, pool: str, ip: str, isp: str, transactional: bool, now: float) -> Control | None:
        """The operator's pause that concerns this lane. ``transactional``: whether its pool is."""
        for key in ((POOL, pool), (ISP, isp), (IP, ip)):
            control = self.controls.get(key)
            if control and control.active(now) and (control.transactional or not transactional):
                return control
        return None

    def paused_domain(self, domain: str, transactional: bool, now: float) -> Control | None:
        """The operator's pause of a sender domain. ``transactional``: whether its pool is."""
        control = self.controls.get((DOMAIN, domain))
        return control if control and control.active(now) and (control.transactional or not transactional) else None

    def holds(self, pool: str, ip: str, isp: str, now: float) -> list[tuple[str, Backoff]]:
        """What holds this lane back: (address or domain, state). A domain's trouble concerns all lanes of its pool
        until its mail is put aside, because Postfix chooses a lane by recipient only."""
        own = self.lanes.get((pool, ip, isp))
        found = [(ip, own)] if own else []
        if self.domains:
            found += [
                (key[1], held)
                for key, held in self.domains.items()
                if (key[0], key[2]) == (pool, isp) and held.gathering(now)
            ]
        return found

    def allowed(self, pool: str, ip: str, isp: str, now: float) -> int | None:
        """Connections that backoff allows this lane now: 0 is stopped, None is the lane's own number."""
        limits = [limit for _who, held in self.holds(pool, ip, isp, now) if (limit := held.limit(now)) is not None]
        return min(limits) if limits else None

    def why(self, pool: str, ip: str, isp: str, now: float) -> str:
        """The reply behind the strictest hold; "" without one."""
        held = [
            (limit, hold) for _who, hold in self.holds(pool, ip, isp, now) if (limit := hold.limit(now)) is not None
        ]
        return min(held, key=lambda pair: pair[0])[1].reason if held else ""


EMPTY = State()


def create(db: sqlite3.Connection) -> None:
    for statement in SCHEMA:
        db.execute(statement)


def snapshot(db: sqlite3.Connection) -> State:
    """Empty where the tables are not there yet."""
    (tables,) = db.execute(
        "SELECT count(*) FROM sqlite_master WHERE name IN ('lane_state', 'domain_state', 'controls')"
    ).fetchone()
    if tables < len(SCHEMA):
        return EMPTY
    rows = db.execute("SELECT kind, name, reason, since, until, transactional FROM controls")
    controls = {
        (kind, name): Control(kind, name, reason, since, until, bool(transactional))
        for kind, name, reason, since, until, transactional in rows
    }
    return State(_holds(db, "lane_state", "ip"), _holds(db, "domain_state", "domain"), controls)


def _holds(db: sqlite3.Connection, table: str, who: str) -> dict[Key, Backoff]:
    columns = ", ".join(_FIELDS).replace("phase", "state", 1)
    rows = db.execute(f"SELECT pool, {who}, isp, {columns} FROM {table}")
    return {(row[0], row[1], row[2]): Backoff(*row[3:]) for row in rows}


def save(db: sqlite3.Connection, table: str, changed: Mapping[Key, Backoff]) -> None:
    """``table`` is lane_state or domain_state. What is normal again is not kept."""
    places = ", ".join("?" for _column in range(3 + len(_FIELDS)))
    db.executemany(
        f"INSERT OR REPLACE INTO {table} VALUES ({places})",
        [(*key, *held[: len(_FIELDS)]) for key, held in changed.items() if held.phase != NORMAL],
    )
    who = "domain" if table == "domain_state" else "ip"
    db.executemany(
        f"DELETE FROM {table} WHERE pool = ? AND {who} = ? AND isp = ?",
        [key for key, held in changed.items() if held.phase == NORMAL],
    )


def move(db: sqlite3.Connection, seconds: float) -> None:
    """The clock was set by so much: what was to end in a minute still ends in a minute."""
    create(db)
    for table in ("lane_state", "domain_state"):
        db.execute(
            f"UPDATE {table} SET since = since + :by, began = began + :by, until = iif(until, until + :by, until)",
            {"by": seconds},
        )
    db.execute("UPDATE controls SET since = since + :by, until = iif(until, until + :by, until)", {"by": seconds})


def bound(db: sqlite3.Connection, now: float) -> None:
    """A pause that seems to begin later was made before the clock was set back unseen: it lasts its whole time at most.
    What receivers hold back is bounded so in mailfleet.backoff."""
    db.execute(
        "UPDATE controls SET until = iif(until, until + :now - since, until), since = :now WHERE since > :now + :most",
        {"now": now, "most": AHEAD_SECONDS},
    )


def pause(db: sqlite3.Connection, control: Control) -> None:
    db.execute("INSERT OR REPLACE INTO controls VALUES (?, ?, ?, ?, ?, ?)", control)


def ended(db: sqlite3.Connection, now: float) -> list[tuple[str, str]]:
    """Kind and name of the pauses whose time is over, each told once."""
    found = list(db.execute("SELECT kind, name FROM controls WHERE until AND until <= ?", (now,)))
    resume(db, found)
    return found


def resume(db: sqlite3.Connection, keys: Iterable[tuple[str, str]]) -> None:
    db.executemany("DELETE FROM controls WHERE kind = ? AND name = ?", list(keys))


class Reader:
    """The newest state, for a service that asks several times a second. Never raises, never waits long."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._version = -1
        self._state = EMPTY
        self.problem = ""

    def read(self) -> State:
        try:
            if self._db is None:
                self._db = _open(self._path)
                self._version = -1
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._state = snapshot(self._db)
                self._version = version
            self.problem = ""
        except sqlite3.Error as error:
            self.problem = f"{self._path} cannot be read ({error}): the last known state counts."
            self.close()
        return self._state

    def close(self) -> None:
        if self._db:
            self._db.close()
            self._db = None


def _open(path: str) -> sqlite3.Connection:
    target = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23") + "?mode=ro"
    return sqlite3.connect(target, uri=True, timeout=_READ_SECONDS, isolation_level=None)
