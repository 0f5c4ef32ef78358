"""Switches of client authentication (RFC 6749 §2.3, RFC 7523 §2.2)."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "client_auth",
        "invalid_client invalid_client_400 unauthorized_client empty_400 empty_401 empty_403 html",
        "Every request that needs a client is refused like that, whatever its credentials; nothing is used up.",
        "CAUTH-4",
    ),
    switch(
        "client_secret",
        "expired",
        "Client secrets count as expired.",
        "DCR-4 CAUTH-4",
    ),
    switch(
        "basic",
        "raw wants_client_id",
        "Basic credentials are compared without form-decoding them first, or the body must name the client too.",
        "CAUTH-2",
    ),
    switch(
        "auth_methods",
        "absent JSON",
        "The raw token_endpoint_auth_methods_supported of the metadata.",
        "CAUTH-1",
    ),
    switch(
        "assertion_algs",
        "absent JSON",
        "The raw token_endpoint_auth_signing_alg_values_supported of the metadata; a list is held to.",
        "CAUTH-3",
    ),
    switch(
        "assertion_audience",
        "token_endpoint any",
        "Client assertions must name the token endpoint, or may name it, instead of the issuer.",
        "CAUTH-3",
    ),
    switch(
        "assertion_type",
        "required refused",
        "Client assertions must, or must not, have the header typ client-authentication+jwt.",
        "CAUTH-3",
    ),
)
