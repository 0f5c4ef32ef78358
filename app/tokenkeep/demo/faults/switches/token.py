"""Switches of the token endpoint."""

from tokenkeep.demo.faults.switch import switch

# What a token endpoint may answer in place of a genuine answer; nothing is processed, nothing rotates.
# First status codes without an OAuth body, then documents that are no token answer, then OAuth errors and the ways in
# which servers wrap them.
TOKEN_ANSWERS = """
    400 401 408 425 429 500 502 503 504
    html html200 array null empty bom bad_utf8 dup_keys nan huge truncated redirect
    missing_access_token number_access_token empty_access_token missing_token_type mac_type na_type
    invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope server_error
    temporarily_unavailable access_denied expired_token authorization_pending slow_down made_up
    error200 error_form error_text_plain error_html_type error_number error_long invalid_grant_401
    www_authenticate_only
"""

SWITCHES = (
    switch(
        "token",
        TOKEN_ANSWERS,
        "Every token request gets that answer and is not processed.",
        "TOK-3 TOK-4 TOK-5 TOK-9 REF-4 REF-5 DEV-6",
    ),
    switch(
        "exchange",
        TOKEN_ANSWERS,
        "As token, for code exchanges alone.",
        "TOK-3 TOK-9 LOOP-11",
    ),
    switch(
        "refresh",
        TOKEN_ANSWERS,
        "As token, for refresh requests alone.",
        "REF-4 REF-5",
    ),
    switch(
        "poll",
        TOKEN_ANSWERS,
        "As token, for device polls alone.",
        "DEV-4 DEV-6 DEV-5",
    ),
    switch(
        "slow_down",
        "NUMBER",
        "That many polls are answered slow_down.",
        "DEV-3",
    ),
    switch(
        "retry_after",
        "TEXT",
        "The Retry-After header of faulty answers.",
        "REF-5 DEV-4 REV-2",
    ),
    switch(
        "token_delay",
        "NUMBER",
        "Token requests are answered that many seconds late.",
        "TOK-6 REV-4",
    ),
    switch(
        "token_freeze",
        "on",
        "Token requests are answered only after this is switched off.",
        "REF-3 REF-5",
    ),
    switch(
        "answer_delay",
        "NUMBER",
        "Token requests are processed at once and their good answers sent that many seconds late.",
        "TOK-6 REV-4 REF-1",
    ),
    switch(
        "answer_freeze",
        "on",
        "Token requests are processed at once and their good answers held back until this is switched off.",
        "REV-4 REF-1 REF-8",
    ),
    switch(
        "expires_in",
        "absent JSON",
        "The raw expires_in of token answers.",
        "TOK-6 AGENT-7",
    ),
    switch(
        "token_type",
        "absent TEXT",
        "The token_type of token answers.",
        "TOK-3 TOK-4",
    ),
    switch(
        "scope",
        "absent empty TEXT",
        "The scope of token answers; the token itself is narrowed to it.",
        "TOK-7 REF-7",
    ),
    switch(
        "access_token",
        "jwt_like broken_base64",
        "The shape of access tokens; they stay valid.",
        "TOK-8",
    ),
    switch(
        "form_answer",
        "always unless_asked",
        "Good token answers are form-encoded, always or unless Accept asks for JSON.",
        "TOK-1 TOK-5",
    ),
    switch(
        "extra_member",
        "on",
        "Token answers carry members nobody knows.",
        "TOK-3",
    ),
    switch(
        "refresh_token",
        "absent null empty",
        "Refresh answers carry no new refresh token; the old one stays good.",
        "REF-2",
    ),
    switch(
        "first_refresh_token",
        "absent null empty",
        "Sign-ins give no refresh token.",
        "REF-2",
    ),
    switch(
        "old_access_token",
        "revoked",
        "A refresh ends the previous access tokens at once.",
        "REF-1",
    ),
)
