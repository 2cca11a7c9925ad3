-- The journal: one row per turn. position is that of the turn's first event. Nothing but the primary key indexes it:
-- a second index would cost the write path three to six times as much (docs/performance.md).
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    count    INTEGER NOT NULL CHECK (count > 0),
    epoch    INTEGER NOT NULL,
    body     BLOB    NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;

-- One row: who owns the journal, and how far the derived tables are complete.
CREATE TABLE shard (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    journal   TEXT    NOT NULL,
    epoch     INTEGER NOT NULL,
    snapshots INTEGER NOT NULL,
    stream_index INTEGER NOT NULL,
    commands  INTEGER NOT NULL
) STRICT;

-- Derived: the state of an actor as of a position.
CREATE TABLE snapshot (
    kind    TEXT    NOT NULL,
    tenant  TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    as_of   INTEGER NOT NULL,
    live    INTEGER NOT NULL,
    lookup  TEXT,
    owner   TEXT,
    body    BLOB    NOT NULL,
    PRIMARY KEY (kind, tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_live ON snapshot (live) WHERE live = 1;
CREATE INDEX snapshot_lookup ON snapshot (tenant, lookup) WHERE lookup IS NOT NULL;
CREATE INDEX snapshot_owner ON snapshot (tenant, owner) WHERE owner IS NOT NULL;

-- Derived: where the sequences of a stream stand in the journal; positions is a msgpack array.
CREATE TABLE stream_index (
    kind      TEXT    NOT NULL,
    tenant    TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    first     INTEGER NOT NULL,
    positions BLOB    NOT NULL,
    PRIMARY KEY (kind, tenant, id, first)
) STRICT, WITHOUT ROWID;

-- Derived: the positions of the events that carry commands' ids, many ids of one sender in a row. Rows of one sender do
-- not overlap, so the row with the least `last` not below an id is the only one that can hold it. commands is the ids one
-- after the other (16 bytes each, growing), positions a msgpack array.
CREATE TABLE command_run (
    tenant    TEXT NOT NULL,
    sender    TEXT NOT NULL,
    last      BLOB NOT NULL,
    commands  BLOB NOT NULL,
    positions BLOB NOT NULL,
    at        REAL NOT NULL,
    PRIMARY KEY (tenant, sender, last)
) STRICT, WITHOUT ROWID;
CREATE INDEX command_run_at ON command_run (at);

-- Derived: the same for ids that came out of order, one in a row.
CREATE TABLE command (
    tenant   TEXT    NOT NULL,
    sender   TEXT    NOT NULL,
    command  BLOB    NOT NULL,
    position INTEGER NOT NULL,
    at       REAL    NOT NULL,
    PRIMARY KEY (tenant, sender, command)
) STRICT, WITHOUT ROWID;
CREATE INDEX command_at ON command (at);
