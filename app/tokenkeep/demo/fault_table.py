"""The one list of fault switches: name, values, effect, and the requirements whose negative tests use it."""

from dataclasses import dataclass

# Value kinds beside named values.
NUMBER = "NUMBER"
TEXT = "TEXT"
JSON = "JSON"

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


@dataclass(frozen=True)
class Fault:
    """One switch. `values` holds allowed values and may hold NUMBER, TEXT or JSON for free ones."""

    name: str
    values: tuple[str, ...]
    effect: str
    requirements: tuple[str, ...]


def _fault(name: str, values: str, effect: str, requirements: str) -> Fault:
    return Fault(name, tuple(values.split()), effect, tuple(requirements.split()))


FAULTS = (
    # Authorization response
    _fault(
        "iss",
        "wrong missing slash upper port encoded",
        "The iss of authorization responses.",
        "RESP-3 RESP-4 RESP-5",
    ),
    _fault(
        "state",
        "missing wrong empty upper",
        "The state of authorization responses.",
        "RESP-1",
    ),
    _fault(
        "code",
        "missing empty with_error",
        "The code of authorization responses.",
        "RESP-7 RESP-8",
    ),
    _fault(
        "dup",
        "state code iss error",
        "That parameter appears twice.",
        "RESP-7",
    ),
    _fault(
        "extra",
        "unknown access_token id_token response",
        "One more parameter in authorization responses.",
        "RESP-8",
    ),
    _fault(
        "authorize",
        "access_denied server_error temporarily_unavailable invalid_request invalid_scope markup error_page",
        "Consent ends with that error; markup puts HTML into error_description; error_page never redirects.",
        "RESP-6 LOOP-12 PKCE-2",
    ),
    _fault(
        "pkce",
        "optional",
        "Authorization requests without a code_challenge are accepted.",
        "PKCE-1",
    ),
    # Token endpoint
    _fault(
        "token",
        TOKEN_ANSWERS,
        "Every token request gets that answer and is not processed.",
        "TOK-3 TOK-4 TOK-5 TOK-9 REF-4 REF-5 DEV-6",
    ),
    _fault(
        "exchange",
        TOKEN_ANSWERS,
        "As token, for code exchanges alone.",
        "TOK-3 TOK-9 LOOP-11",
    ),
    _fault(
        "refresh",
        TOKEN_ANSWERS,
        "As token, for refresh requests alone.",
        "REF-4 REF-5",
    ),
    _fault(
        "poll",
        TOKEN_ANSWERS,
        "As token, for device polls alone.",
        "DEV-4 DEV-6",
    ),
    _fault(
        "slow_down",
        "NUMBER",
        "That many polls are answered slow_down.",
        "DEV-3",
    ),
    _fault(
        "retry_after",
        "TEXT",
        "The Retry-After header of faulty answers.",
        "REF-5 DEV-4 REV-2",
    ),
    _fault(
        "token_delay",
        "NUMBER",
        "Token requests are answered that many seconds late.",
        "TOK-6 REV-4",
    ),
    _fault(
        "token_freeze",
        "on",
        "Token requests are answered only after this is switched off.",
        "REF-3 REF-5",
    ),
    _fault(
        "answer_delay",
        "NUMBER",
        "Token requests are processed at once and their good answers sent that many seconds late.",
        "TOK-6 REV-4 REF-1",
    ),
    _fault(
        "answer_freeze",
        "on",
        "Token requests are processed at once and their good answers held back until this is switched off.",
        "REV-4 REF-1 REF-8",
    ),
    _fault(
        "token_cut",
        "before after",
        "The connection is closed before the request is processed, or after it and before the answer.",
        "TOK-9 REF-1 REF-8",
    ),
    _fault(
        "expires_in",
        "absent JSON",
        "The raw expires_in of token answers.",
        "TOK-6",
    ),
    _fault(
        "token_type",
        "absent TEXT",
        "The token_type of token answers.",
        "TOK-3 TOK-4",
    ),
    _fault(
        "scope",
        "absent empty TEXT",
        "The scope of token answers; the token itself is narrowed to it.",
        "TOK-7",
    ),
    _fault(
        "access_token",
        "jwt_like broken_base64",
        "The shape of access tokens; they stay valid.",
        "TOK-8",
    ),
    _fault(
        "extra_member",
        "on",
        "Token answers carry members nobody knows.",
        "TOK-3",
    ),
    _fault(
        "refresh_token",
        "absent null empty",
        "Refresh answers carry no new refresh token; the old one stays good.",
        "REF-2",
    ),
    _fault(
        "first_refresh_token",
        "absent null empty",
        "Sign-ins give no refresh token.",
        "REF-2",
    ),
    _fault(
        "old_access_token",
        "revoked",
        "A refresh ends the previous access tokens at once.",
        "REF-1",
    ),
    # Device authorization
    _fault(
        "device",
        """
        no_device_code no_user_code no_verification_uri no_expires_in no_verification_uri_complete
        number_device_code number_user_code text_expires_in null_verification_uri verification_url
        lower_user_code spaced_user_code javascript_uri http_uri html 500 503 invalid_client
        unauthorized_client invalid_scope
        """,
        "The device authorization answer.",
        "DEV-1 DEV-7 AUTHZ-5",
    ),
    _fault(
        "interval",
        "absent JSON",
        "The raw interval of device authorization answers.",
        "DEV-1 DEV-2",
    ),
    # Metadata, keys, identity
    _fault(
        "metadata",
        """
        wrong_issuer slash_issuer upper_issuer number_issuer no_issuer no_pkce plain_only no_device
        no_revocation no_iss_parameter text_iss_parameter no_token_endpoint relative_token_endpoint
        http_token_endpoint fragment_token_endpoint userinfo_token_endpoint list_token_endpoint
        other_token_endpoint query_authorization_endpoint fragment_authorization_endpoint
        javascript_authorization_endpoint html 404 500 redirect empty huge
        """,
        "The authorization server's metadata.",
        "META-3 META-4 META-5 META-6 PKCE-2 PKCE-3 AUTHZ-3 AUTHZ-5 RESP-4 REV-3",
    ),
    _fault(
        "jwks",
        "500 503 html empty redirect rotate no_kid enc_only",
        "The key set; rotate makes a new key at each id_token.",
        "OIDC-7",
    ),
    _fault(
        "id_token",
        """
        absent garbage five_parts alg_none alg_none_mixed hs256 bad_signature other_key unknown_kid
        no_kid jwk_header crit wrong_nonce no_nonce wrong_aud no_aud number_aud list_aud extra_aud
        extra_aud_azp wrong_azp wrong_iss no_iss expired just_expired long_expired text_exp no_exp
        no_iat future_iat old_iat no_sub empty_sub long_sub other_sub wrong_at_hash no_auth_time
        other_auth_time
        """,
        "The id_token of token answers.",
        "OIDC-1 OIDC-2 OIDC-3 OIDC-4 OIDC-5 OIDC-6 OIDC-7 OIDC-8 OIDC-10 OIDC-11 AUTHZ-7",
    ),
    _fault(
        "userinfo",
        "other_sub no_sub 401 500 html array",
        "The userinfo answer.",
        "OIDC-9",
    ),
    # Revocation, resource
    _fault(
        "revoke",
        "400 401 429 500 503 unsupported invalid_client html cut",
        "The revocation answer; nothing is revoked.",
        "REV-2 REV-3",
    ),
    _fault(
        "resource",
        "401 403 500 503",
        "The protected resource's answer, whatever the token.",
        "WWW-3",
    ),
)

BY_NAME = {fault.name: fault for fault in FAULTS}
