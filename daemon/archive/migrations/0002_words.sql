-- Nobody asks how long a text was: without its sizes an index row costs a table row less.
DROP TABLE word;
CREATE VIRTUAL TABLE word USING fts5 (
    place, text, content = '', tokenize = 'ascii', detail = 'full', columnsize = 0
);
-- So many parts of the index are merged at once, not four: a word is written fewer times over. From 16 on SQLite would
-- merge whole levels in the transaction that fills them (crisismerge), and no longer piece by piece.
INSERT INTO word (word, rank) VALUES ('automerge', 8);
