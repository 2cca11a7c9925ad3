"""All that proves the promises, as long as there is time: ``make prove`` writes proof.md and proof.json."""
