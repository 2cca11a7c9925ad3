"""A whole shop in one thread: the production daemon and its clients on a virtual clock, from one seed.

``python -m tests.simulation --seeds A..B`` plays many; every step is checked (checking.py says what).
"""
