"""Crashes on purpose: a recorder of writes and flushes, a workload to be killed, and images of what a
power loss leaves of a disk.
"""
