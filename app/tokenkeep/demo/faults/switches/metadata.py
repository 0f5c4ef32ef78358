"""Switches of the authorization server's metadata and key set."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "metadata",
        """
        wrong_issuer slash_issuer upper_issuer number_issuer no_issuer no_pkce plain_only no_device
        no_revocation no_iss_parameter text_iss_parameter no_token_endpoint relative_token_endpoint
        http_token_endpoint moved_token_endpoint trap_token_endpoint private_token_endpoint
        fragment_token_endpoint userinfo_token_endpoint list_token_endpoint
        other_token_endpoint query_authorization_endpoint fragment_authorization_endpoint
        javascript_authorization_endpoint no_par par_without_endpoint no_dpop other_dpop_algs no_end_session
        no_offline_access other_protected_resources unknown_members huge
        401 403 404 410 500 503 html html_type array empty partial
        redirect redirect_same_host redirect_other_host redirect_http
        """,
        "The authorization server's metadata; trap_token_endpoint names the address that counts who comes.",
        """
        META-3 META-4 META-5 META-6 META-7 PKCE-2 PKCE-3 AUTHZ-3 AUTHZ-5 RESP-4 REV-3 PAR-1 DPOP-1 OUT-1 MCP-6 PRM-6
        RESP-10 NET-2 NET-3 REF-9
        """,
    ),
    switch(
        "well_known",
        "inserted_oauth inserted_openid appended_openid root none",
        "Metadata stands only at that form of the well-known address; root is right only for an issuer without a path.",
        "META-1 META-2 META-4",
    ),
    switch(
        "well_known_absent",
        "401 403 404 410 500 503 html",
        "What stands at the well-known addresses without metadata.",
        "META-4",
    ),
    switch(
        "jwks",
        """
        401 404 500 503 html empty array text_keys huge redirect rotate overlap no_kid two_no_kid enc_only stranger
        crowded
        """,
        "The key set; rotate makes a new key at each id_token, overlap keeps the old ones beside it, stranger gives "
        "another key the same id, crowded adds keys that cannot be meant.",
        "OIDC-7",
    ),
)
