-- One row: of which journal this is the archive, up to which position, and the hash of the record that ends there.
-- `projection` is the version of the rules by which the rows were made: other rules, other rows, so they are made anew.
CREATE TABLE archive (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    journal    TEXT    NOT NULL,
    projection INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    hash       BLOB    NOT NULL
) STRICT;

-- What kind of channel a conversation came by, from the desks as they were applied.
CREATE TABLE channel (
    tenant TEXT NOT NULL,
    id     TEXT NOT NULL,
    kind   TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- What of a tenant's is to be masked (docs/masking.md), from the desk in force: for exports.
CREATE TABLE masking (
    tenant   TEXT    PRIMARY KEY,
    payment  INTEGER NOT NULL,
    personal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A customer of one channel account, with the visit that goes on or was the last one.
CREATE TABLE customer (
    number        INTEGER PRIMARY KEY,
    tenant        TEXT    NOT NULL,
    channel       TEXT    NOT NULL,
    contact       TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    language      TEXT    NOT NULL,
    first_at      REAL    NOT NULL,
    last_at       REAL    NOT NULL,
    conversations INTEGER NOT NULL,
    open          INTEGER NOT NULL,
    blocked       INTEGER NOT NULL,
    visit         INTEGER NOT NULL,
    since         REAL    NOT NULL,
    until         REAL    NOT NULL,
    spoke         INTEGER NOT NULL,
    page          TEXT    NOT NULL,
    title         TEXT    NOT NULL,
    pages         INTEGER NOT NULL,
    referrer      TEXT    NOT NULL,
    browser       TEXT    NOT NULL,
    system        TEXT    NOT NULL,
    place         TEXT    NOT NULL,
    authenticated INTEGER NOT NULL,
    UNIQUE (tenant, channel, contact)
) STRICT;
-- The lists of visitors, the newest first: `visit` is the position at which the visit began, `open` the number of the
-- conversation that goes on.
CREATE INDEX customer_online ON customer (tenant, visit) WHERE visit > 0 AND until = 0;
CREATE INDEX customer_left ON customer (tenant, visit) WHERE until > 0 AND spoke = 0;
CREATE INDEX customer_open ON customer (tenant, open) WHERE open > 0;

-- Every name that a customer has had, folded, so that one is found by an earlier name too.
CREATE TABLE customer_name (
    tenant   TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, customer)
) STRICT, WITHOUT ROWID;

-- One row per conversation. Its number is the position at which it began, so that newer ones sort last.
CREATE TABLE ticket (
    number            INTEGER PRIMARY KEY,
    tenant            TEXT    NOT NULL,
    conversation      TEXT    NOT NULL,
    customer          INTEGER NOT NULL,
    channel           TEXT    NOT NULL,
    channel_kind      TEXT    NOT NULL,
    contact           TEXT    NOT NULL,
    name              TEXT    NOT NULL,
    language          TEXT    NOT NULL,
    department        TEXT    NOT NULL,
    style             TEXT    NOT NULL,
    origin            TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    agent             TEXT    NOT NULL,
    agents            TEXT    NOT NULL,
    tags              TEXT    NOT NULL,
    question          INTEGER NOT NULL,
    started_at        REAL    NOT NULL,
    first_offered_at  REAL    NOT NULL,
    first_assigned_at REAL    NOT NULL,
    first_answered_at REAL    NOT NULL,
    solved_at         REAL    NOT NULL,
    closed_at         REAL    NOT NULL,
    reopenings        INTEGER NOT NULL,
    customer_messages INTEGER NOT NULL,
    agent_messages    INTEGER NOT NULL,
    ended_by          TEXT    NOT NULL,
    wrap_up_reason    TEXT    NOT NULL,
    notes             TEXT    NOT NULL,
    missed            INTEGER NOT NULL,
    muted             INTEGER NOT NULL,
    interrupted       INTEGER NOT NULL,
    rating            INTEGER,
    rating_comment    TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX ticket_conversation ON ticket (tenant, conversation);
CREATE INDEX ticket_tenant ON ticket (tenant);
CREATE INDEX ticket_customer ON ticket (customer);
CREATE INDEX ticket_status ON ticket (tenant, status);
CREATE INDEX ticket_department ON ticket (tenant, department);
-- As the views of daemon/archive/queries.py say it, to the word: only then these two lead.
CREATE INDEX ticket_open ON ticket (tenant) WHERE status IN ('new', 'open', 'pending', 'on_hold');
CREATE INDEX ticket_missed ON ticket (tenant) WHERE missed = 1;

-- Who has had a conversation, and its tags, as keys to find it by.
CREATE TABLE ticket_agent (
    tenant TEXT    NOT NULL,
    agent  TEXT    NOT NULL,
    ticket INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent, ticket)
) STRICT, WITHOUT ROWID;
CREATE TABLE ticket_tag (
    tenant TEXT    NOT NULL,
    tag    TEXT    NOT NULL,
    ticket INTEGER NOT NULL,
    PRIMARY KEY (tenant, tag, ticket)
) STRICT, WITHOUT ROWID;

-- Where in the journal something was said, and when. What was said is read there: the archive holds no copy of it.
CREATE TABLE said (
    position INTEGER PRIMARY KEY,
    at       REAL    NOT NULL,
    ticket   INTEGER NOT NULL
) STRICT;
CREATE INDEX said_ticket ON said (ticket);

-- Which words were said where: an index without the text. Its row id is the position. `place` has the tenant and the
-- customer as words, so that a search in one of them reads no more than it has to. The words come ready made
-- (daemon/archive/words.py), with spaces between them.
CREATE VIRTUAL TABLE word USING fts5 (
    place, text, content = '', tokenize = 'ascii', detail = 'full'
);
