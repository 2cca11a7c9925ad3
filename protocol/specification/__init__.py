"""The written specification, made from the message types: ``python -m protocol.specification --write``."""
