"""Tests of the actors: machines alone, the runtime, and whole tenants in play."""
