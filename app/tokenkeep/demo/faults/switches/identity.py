"""Switches of the metadata, the key set, id_tokens and userinfo."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "metadata",
        """
        wrong_issuer slash_issuer upper_issuer number_issuer no_issuer no_pkce plain_only no_device
        no_revocation no_iss_parameter text_iss_parameter no_token_endpoint relative_token_endpoint
        http_token_endpoint fragment_token_endpoint userinfo_token_endpoint list_token_endpoint
        other_token_endpoint trap_token_endpoint private_token_endpoint query_authorization_endpoint
        fragment_authorization_endpoint javascript_authorization_endpoint html 404 500 redirect empty huge
        """,
        "The authorization server's metadata; trap_token_endpoint names the address that counts who comes.",
        "RESP-10 META-7 NET-2 NET-3 META-3 META-4 META-5 META-6 PKCE-2 PKCE-3 AUTHZ-3 AUTHZ-5 RESP-4 REV-3 REF-9",
    ),
    switch(
        "jwks",
        """
        401 404 500 503 html empty array text_keys huge redirect rotate no_kid two_no_kid enc_only stranger crowded
        """,
        "The key set; rotate makes a new key at each id_token, stranger gives another key the same id, crowded adds "
        "keys that cannot be meant.",
        "OIDC-7",
    ),
    switch(
        "id_token",
        """
        absent garbage five_parts alg_none alg_none_mixed hs256 bad_signature other_key unknown_kid
        no_kid jwk_header crit wrong_nonce no_nonce wrong_aud no_aud number_aud list_aud extra_aud
        extra_aud_azp wrong_azp wrong_iss no_iss expired just_expired long_expired text_exp no_exp
        no_iat future_iat old_iat no_sub empty_sub long_sub other_sub wrong_at_hash no_auth_time
        other_auth_time no_acr wrong_acr random_kid rsa_1024 es256_p384
        """,
        "The id_token of token answers.",
        "OIDC-1 OIDC-2 OIDC-3 OIDC-4 OIDC-5 OIDC-6 OIDC-7 OIDC-8 OIDC-10 OIDC-11 AUTHZ-7",
    ),
    switch(
        "userinfo",
        """
        other_sub no_sub 401 500 503 html array
        signed signed_bad_signature signed_alg_none signed_wrong_iss signed_wrong_aud
        """,
        "The userinfo answer; signed is a good JWT, the others beside it are not.",
        "OIDC-9",
    ),
)
