"""How well payment and personal data are found in texts that nobody here has written, and what it costs."""
