-- What an agent owns is read out of the index alone: to fetch the row of each parked conversation, one page here and one
-- there, cost the auditor a tenth of a second for an agent who has ten thousand of them.
CREATE INDEX snapshot_owned ON snapshot (tenant, owner, lookup, holds) WHERE owner IS NOT NULL;
DROP INDEX snapshot_owner;

-- Derived: how many conversations an agent owns in a channel. A start asks for it, and to count a million rows took it
-- seconds. Triggers keep it, so that whatever writes a snapshot writes this in the same transaction; they run only when
-- one of the named columns is written. A row may come down to nothing: there are no more rows than agents and channels.
CREATE TABLE owned_count (
    tenant  TEXT    NOT NULL,
    owner   TEXT    NOT NULL,
    channel TEXT    NOT NULL,
    holds   INTEGER NOT NULL,
    many    INTEGER NOT NULL,
    PRIMARY KEY (tenant, owner, channel, holds)
) STRICT, WITHOUT ROWID;

-- The channel of a conversation is what stands before the first slash of its look-up key.
INSERT INTO owned_count (tenant, owner, channel, holds, many)
    SELECT tenant, owner, coalesce(substr(lookup, 1, instr(lookup, '/') - 1), ''), holds, count(*)
    FROM snapshot WHERE owner IS NOT NULL GROUP BY 1, 2, 3, 4;

CREATE TRIGGER snapshot_inserted AFTER INSERT ON snapshot WHEN NEW.owner IS NOT NULL BEGIN
    INSERT INTO owned_count (tenant, owner, channel, holds, many)
        VALUES (NEW.tenant, NEW.owner, coalesce(substr(NEW.lookup, 1, instr(NEW.lookup, '/') - 1), ''), NEW.holds, 1)
        ON CONFLICT DO UPDATE SET many = many + 1;
END;
CREATE TRIGGER snapshot_updated AFTER UPDATE OF owner, lookup, holds ON snapshot
WHEN OLD.owner IS NOT NEW.owner OR OLD.lookup IS NOT NEW.lookup OR OLD.holds <> NEW.holds BEGIN
    UPDATE owned_count SET many = many - 1
        WHERE tenant = OLD.tenant AND owner = OLD.owner AND holds = OLD.holds
        AND channel = coalesce(substr(OLD.lookup, 1, instr(OLD.lookup, '/') - 1), '');
    INSERT INTO owned_count (tenant, owner, channel, holds, many)
        SELECT NEW.tenant, NEW.owner, coalesce(substr(NEW.lookup, 1, instr(NEW.lookup, '/') - 1), ''), NEW.holds, 1
        WHERE NEW.owner IS NOT NULL
        ON CONFLICT DO UPDATE SET many = many + 1;
END;
CREATE TRIGGER snapshot_deleted AFTER DELETE ON snapshot WHEN OLD.owner IS NOT NULL BEGIN
    UPDATE owned_count SET many = many - 1
        WHERE tenant = OLD.tenant AND owner = OLD.owner AND holds = OLD.holds
        AND channel = coalesce(substr(OLD.lookup, 1, instr(OLD.lookup, '/') - 1), '');
END;
