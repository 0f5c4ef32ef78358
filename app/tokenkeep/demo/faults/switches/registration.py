"""Switches of dynamic registration, its management, and client ID metadata documents."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "register",
        """
        400 401 403 429 500 503 html html200 empty invalid_redirect_uri invalid_client_metadata
        200 array no_client_id number_client_id empty_client_id no_secret no_secret_expiry text_secret_expiry
        stray_secret secret drop_redirect rewrite_redirect drop_refresh drop_code
        """,
        "The registration answer. Up to invalid_client_metadata nothing is registered; the next ones are odd or "
        "malformed, stray_secret with a secret although the method is none; "
        "secret (one that nobody asked for, with client_secret_post), drop_… and rewrite_redirect are what was "
        "registered instead of what was asked.",
        "DCR-2 DCR-3 DCR-5",
    ),
    switch(
        "secret_lifetime",
        "NUMBER",
        "Registered secrets end after so many seconds; an update renews them.",
        "DCR-4",
    ),
    switch(
        "registration_uri",
        "absent other_host relative",
        "The registration_client_uri; other_host counts connections in the log (trap.connection).",
        "DCR-7",
    ),
    switch(
        "registration_token",
        "rotate",
        "Reading or updating a registration gives a new registration access token and ends the old one.",
        "DCR-7",
    ),
    switch(
        "manage",
        "400 401 403 404 405 429 500 503 html",
        "The answer to reading, updating and deleting a registration; nothing is changed.",
        "DCR-8 DCR-7",
    ),
    switch(
        "redirect_ports",
        "exact",
        "Redirect URIs of registered clients and of metadata documents are compared with their ports, loopback too.",
        "CIMD-3 LOOP-2 DCR-5",
    ),
    switch(
        "cimd",
        "absent text",
        "The client_id_metadata_document_supported of the metadata: missing, or the text true.",
        "CIMD-2",
    ),
    switch(
        "client_document",
        """
        404 500 redirect html broken array huge other_client_id no_client_id no_name no_redirect_uris no_method secret
        secret_method
        """,
        "The client ID metadata documents that this server serves as examples.",
        "CIMD-1",
    ),
)
