-- A row is committed when the file is whole and flushed, and taken away after the file: what has a row is there.
-- position: where the journal ended when the medium came; no event up to there refers to it.
-- referenced: the first position found that refers to it; 0: none yet. What is referred to stays.
-- removing: its file is being taken away.
CREATE TABLE media (
    media      TEXT    NOT NULL,
    tenant     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL,
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    stored_at  REAL    NOT NULL,
    position   INTEGER NOT NULL,
    referenced INTEGER NOT NULL DEFAULT 0,
    removing   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (media, tenant)
) STRICT, WITHOUT ROWID;

CREATE INDEX media_unreferenced ON media (stored_at) WHERE referenced = 0;

-- Up to which position of which journal references were looked for.
CREATE TABLE cursor (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    journal  TEXT    NOT NULL,
    position INTEGER NOT NULL
) STRICT;
