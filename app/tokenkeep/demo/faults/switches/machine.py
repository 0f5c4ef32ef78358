"""Switches of the grants without a person, and of introspection."""

from tokenkeep.demo.faults.switch import switch
from tokenkeep.demo.faults.switches.token import TOKEN_ANSWERS

SWITCHES = (
    switch(
        "machine",
        TOKEN_ANSWERS,
        "As token, for client credentials, jwt-bearer and token exchange alone.",
        "GRANT-1 GRANT-2 GRANT-3 REF-5",
    ),
    switch(
        "machine_refresh_token",
        "on",
        "Grants without a person give a refresh token, which nobody should use.",
        "GRANT-1",
    ),
    switch(
        "issued_token_type",
        "absent null TEXT",
        "The issued_token_type of token exchange answers.",
        "GRANT-4",
    ),
    switch(
        "introspection",
        "text_active number_active no_active inactive 400 401 403 429 500 503 html array empty",
        "The introspection answer.",
        "INTRO-1",
    ),
)
