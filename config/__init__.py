"""Typed settings: `switchboard.toml` for the process, a desk file for each tenant.

Everything is checked before anything is used, and every problem is reported at once
(`config.problems.ConfigurationError`). Start reading at `config.process` and `config.desk`.
"""
