"""Switches of pushed authorization requests (RFC 9126)."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "par",
        """
        400 401 405 413 429 500 503 html redirect invalid_request invalid_client
        200 expired no_request_uri number_request_uri no_expires_in text_expires_in
        """,
        "The answer to a pushed request; 200 stands in place of 201, expired gives a request_uri that has run out.",
        "PAR-1 PAR-3",
    ),
)
