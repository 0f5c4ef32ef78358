"""Switches of revocation and of the protected resources."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "revoke",
        "400 401 429 500 503 unsupported invalid_client html",
        "The revocation answer; nothing is revoked.",
        "REV-2 REV-3",
    ),
    switch(
        "resource",
        "401 403 500 503",
        "The protected resource's answer, whatever the token.",
        "WWW-3",
    ),
)
