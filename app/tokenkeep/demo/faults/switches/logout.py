"""Switches of logout by the client's wish (OpenID Connect RP-Initiated Logout)."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "logout",
        "wrong_state no_state empty_state no_return 500",
        "The way back from a logout; the session at this server ends all the same, but for 500.",
        "OUT-2",
    ),
)
