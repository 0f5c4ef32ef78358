"""Switches of DPoP (RFC 9449)."""

from tokenkeep.demo.faults.switch import switch

NONCES = "required renew offered endless no_header two_headers"

SWITCHES = (
    switch(
        "dpop",
        "required refused ignored bearer_type",
        "Proofs at the token endpoint: needed, refused, not looked at, or binding the refresh token alone.",
        "DPOP-1 DPOP-3",
    ),
    switch(
        "as_nonce",
        NONCES,
        "Nonces of the authorization server; renew gives another with each good answer, endless is never content.",
        "DPOP-4",
    ),
    switch(
        "rs_nonce",
        NONCES,
        "The same for the protected resources, whose nonces are others.",
        "DPOP-4",
    ),
    switch(
        "rs_dpop",
        "refused bearer_only other_algs",
        "Proofs at the resources: refused, unknown there (bound tokens pass as bearer), or of odd algorithms alone.",
        "DPOP-1 DPOP-2",
    ),
)
