-- Of parked conversations: whether they take some of their owner's capacity, and when they have to be woken (a style's
-- closing after days, say). The partial index costs nothing to whoever waits for no time.
ALTER TABLE snapshot ADD COLUMN holds INTEGER NOT NULL DEFAULT 1;
ALTER TABLE snapshot ADD COLUMN wake_at REAL;
CREATE INDEX snapshot_wake_at ON snapshot (wake_at) WHERE wake_at IS NOT NULL;
