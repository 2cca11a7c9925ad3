"""The words of the wire: messages, codec, errors, the session machine, and the client SDK."""
