"""Media: the bytes of images and voice messages, in files named by their SHA-256 beside the journal."""
