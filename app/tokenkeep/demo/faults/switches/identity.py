"""Switches of id_tokens and userinfo."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
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
