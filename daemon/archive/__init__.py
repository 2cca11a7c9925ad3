"""The archive: what only readers need, fed from the journal by position into a file of its own."""
