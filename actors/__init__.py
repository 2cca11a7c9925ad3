"""The runtime and its rooms:

dispatcher, agent, conversation, channel. Each is a pure machine with a thin shell.
"""
