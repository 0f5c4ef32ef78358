"""Switches of the authorization response."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "iss",
        "wrong missing slash upper port encoded",
        "The iss of authorization responses.",
        "RESP-3 RESP-4 RESP-5",
    ),
    switch(
        "state",
        "missing wrong empty upper",
        "The state of authorization responses.",
        "RESP-1",
    ),
    switch(
        "code",
        "missing empty with_error",
        "The code of authorization responses.",
        "RESP-7 RESP-8",
    ),
    switch(
        "dup",
        "state code iss error",
        "That parameter appears twice.",
        "RESP-7",
    ),
    switch(
        "extra",
        "unknown access_token id_token response",
        "One more parameter in authorization responses.",
        "RESP-8",
    ),
    switch(
        "authorize",
        "access_denied server_error temporarily_unavailable invalid_request invalid_scope markup error_page",
        "Consent ends with that error; markup puts HTML into error_description; error_page never redirects.",
        "RESP-6 LOOP-12 PKCE-2 LEAK-3",
    ),
    switch(
        "pkce",
        "optional",
        "Authorization requests without a code_challenge are accepted.",
        "PKCE-1",
    ),
)
