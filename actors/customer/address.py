"""Where a customer of a channel account is found."""

from __future__ import annotations

from actors.journal import Address


def customer_address(tenant: str, channel: str, contact: str) -> Address:
    """Return the address of a customer: two accounts have two, though the contact may be the same (J3)."""
    return ("customer", tenant, f"{channel}/{contact}")
