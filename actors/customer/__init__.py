"""A customer of one channel account: what is known beyond a single conversation."""
