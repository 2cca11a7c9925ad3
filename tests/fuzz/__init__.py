"""Frames that nobody meant: mutated from good ones, made up, or meant to hurt.

``python -m tests.fuzz --frames N`` gives them to the codec, the session machines, the SDK and the door in
this process; ``--live N`` to a real daemon, beside people who must not notice.
"""
