-- When a conversation was over: the last one says who comes first next time, and what is left of the reply window, and an
-- old one may have been taken up again. Each row is in one of the two indexes. Of those before nothing is known but that
-- they are over: 0, and then the newest counts, as it did.
ALTER TABLE snapshot ADD COLUMN over_at REAL;
UPDATE snapshot SET over_at = 0 WHERE kind = 'conversation' AND substr(lookup, 1, 1) = '/';
DROP INDEX snapshot_lookup;
CREATE INDEX snapshot_lookup ON snapshot (tenant, lookup) WHERE lookup IS NOT NULL AND over_at IS NULL;
CREATE INDEX snapshot_over ON snapshot (tenant, lookup, over_at) WHERE over_at IS NOT NULL;
