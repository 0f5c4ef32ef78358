"""Switches of revocation."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "revoke",
        "400 401 429 500 503 unsupported invalid_client html",
        "The revocation answer; nothing is revoked.",
        "REV-2 REV-3",
    ),
)
