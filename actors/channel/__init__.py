"""A channel account: its customers, their open conversations, and the mailbox of its gateway."""
