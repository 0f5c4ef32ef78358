"""How each flow is tried with curl: shown on the start page with this run's values, and in docs/demo-provider.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tokenkeep.demo.announcement import PREFIX


@dataclass(frozen=True)
class Recipe:
    """One flow. Each step is a shell script of its own; `then` says what the person does after it."""

    name: str
    title: str
    about: str
    steps: tuple[tuple[str, str], ...]

    def with_values(self, values: Mapping[str, str]) -> "Recipe":
        """The same with `$TOKENKEEP_DEMO_NAME` replaced, for people who have not set any."""

        def filled(script: str) -> str:
            return re.sub(rf"\$\{{?{PREFIX}(\w+)\}}?", lambda found: values[found[1]], script)

        return Recipe(self.name, self.title, self.about, tuple((filled(script), then) for script, then in self.steps))


RECIPES = (
    Recipe(
        "code",
        "Sign in with the browser",
        "Authorization code with PKCE: the flow for programs on a person's computer.",
        (
            (
                """\
VERIFIER=$(openssl rand -base64 48 | tr '+/' '-_' | tr -d '=\\n')
CHALLENGE=$(printf %s "$VERIFIER" | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')
echo "$TOKENKEEP_DEMO_ORIGIN/authorize?response_type=code&client_id=$TOKENKEEP_DEMO_CLIENT_ID\\
&redirect_uri=http%3A%2F%2F127.0.0.1%3A53682%2Fcallback%2FME&scope=openid%20offline_access%20notes%3Aread\\
&state=some-state&nonce=some-nonce&code_challenge=$CHALLENGE&code_challenge_method=S256\"""",
                (
                    "Open the address that is printed, sign in and allow. Nobody listens where the browser goes then: "
                    "copy that address from its address bar."
                ),
            ),
            (
                """\
ADDRESS='the address you copied'
CODE=$(printf %s "$ADDRESS" | sed 's/.*[?&]code=\\([^&]*\\).*/\\1/')
curl -sS "$TOKENKEEP_DEMO_ORIGIN/token" -d grant_type=authorization_code \\
  -d client_id="$TOKENKEEP_DEMO_CLIENT_ID" -d code="$CODE" -d code_verifier="$VERIFIER" \\
  --data-urlencode redirect_uri=http://127.0.0.1:53682/callback/ME""",
                "The answer holds an access token, a refresh token and an id_token.",
            ),
        ),
    ),
    Recipe(
        "device",
        "Sign in with a code",
        "Device grant: for machines without a browser. You type the code wherever you have one.",
        (
            (
                """\
curl -sS "$TOKENKEEP_DEMO_ORIGIN/device_authorization" \\
  -d client_id="$TOKENKEEP_DEMO_CLIENT_ID" -d scope='openid offline_access notes:read'""",
                "Open verification_uri_complete of the answer, sign in and allow.",
            ),
            (
                """\
DEVICE_CODE='the device_code of the answer'
curl -sS "$TOKENKEEP_DEMO_ORIGIN/token" -d grant_type=urn:ietf:params:oauth:grant-type:device_code \\
  -d client_id="$TOKENKEEP_DEMO_CLIENT_ID" -d device_code="$DEVICE_CODE\"""",
                "Before you have allowed it the answer is authorization_pending.",
            ),
        ),
    ),
    Recipe(
        "refresh",
        "Renew a token",
        "Each refresh token is good once: the answer brings the next. Using an old one again ends the whole sign-in.",
        (
            (
                """\
REFRESH_TOKEN='the refresh_token of an answer'
curl -sS "$TOKENKEEP_DEMO_ORIGIN/token" -d grant_type=refresh_token \\
  -d client_id="$TOKENKEEP_DEMO_CLIENT_ID" -d refresh_token="$REFRESH_TOKEN\"""",
                "",
            ),
        ),
    ),
    Recipe(
        "client_credentials",
        "A service as itself",
        "Client credentials: no person, a client with a secret.",
        (
            (
                """\
curl -sS "$TOKENKEEP_DEMO_ORIGIN/token" -d grant_type=client_credentials -d scope=notes:read \\
  -d client_id="$TOKENKEEP_DEMO_SERVICE_CLIENT_ID" \\
  --data-urlencode client_secret="$TOKENKEEP_DEMO_SERVICE_CLIENT_SECRET\"""",
                "",
            ),
        ),
    ),
    Recipe(
        "jwt_bearer",
        "A build job with an assertion",
        "JWT bearer: an identity token of somewhere else, here of a made-up issuer, stands in for a secret.",
        (
            (
                """\
ASSERTION=$(curl -sS "$TOKENKEEP_DEMO_ORIGIN/trusted-issuer/assertion" \\
  -H 'Content-Type: application/json' -d '{}' | sed 's/.*"assertion": *"\\([^"]*\\)".*/\\1/')
curl -sS "$TOKENKEEP_DEMO_ORIGIN/token" -d grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer \\
  -d client_id="$TOKENKEEP_DEMO_WORKLOAD_CLIENT_ID" -d assertion="$ASSERTION" -d scope=notes:read""",
                "",
            ),
        ),
    ),
    Recipe(
        "token_exchange",
        "Exchange a token",
        "Token exchange: the same identity token is swapped for an access token.",
        (
            (
                """\
SUBJECT=$(curl -sS "$TOKENKEEP_DEMO_ORIGIN/trusted-issuer/assertion" \\
  -H 'Content-Type: application/json' -d '{}' | sed 's/.*"assertion": *"\\([^"]*\\)".*/\\1/')
curl -sS "$TOKENKEEP_DEMO_ORIGIN/token" -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \\
  -d client_id="$TOKENKEEP_DEMO_WORKLOAD_CLIENT_ID" -d subject_token="$SUBJECT" \\
  -d subject_token_type=urn:ietf:params:oauth:token-type:jwt -d scope=notes:read""",
                "",
            ),
        ),
    ),
    Recipe(
        "introspection",
        "Ask about a token",
        "Introspection: a client with credentials reads what one of its own tokens is worth.",
        (
            (
                """\
TOKEN=$(curl -sS "$TOKENKEEP_DEMO_ORIGIN/token" -d grant_type=client_credentials -d scope=notes:read \\
  -d client_id="$TOKENKEEP_DEMO_SERVICE_CLIENT_ID" \\
  --data-urlencode client_secret="$TOKENKEEP_DEMO_SERVICE_CLIENT_SECRET" \\
  | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
curl -sS "$TOKENKEEP_DEMO_ORIGIN/introspect" -d client_id="$TOKENKEEP_DEMO_SERVICE_CLIENT_ID" \\
  --data-urlencode client_secret="$TOKENKEEP_DEMO_SERVICE_CLIENT_SECRET" -d token="$TOKEN\"""",
                "Of tokens of other clients it says only that they are not active.",
            ),
        ),
    ),
    Recipe(
        "register",
        "Register a client",
        "Dynamic registration: a client introduces itself, and may look after its entry later.",
        (
            (
                """\
curl -sS "$TOKENKEEP_DEMO_ORIGIN/register" -H 'Content-Type: application/json' \\
  -d '{"client_name": "Mine", "redirect_uris": ["http://127.0.0.1/callback/ME"], "application_type": "native",
       "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]}'""",
                "The first of these flows takes the new id too. registration_client_uri takes GET, PUT and DELETE.",
            ),
        ),
    ),
    Recipe(
        "use",
        "Use a token",
        "The protected notes take it in the Authorization header and nowhere else.",
        (
            (
                """\
ACCESS_TOKEN='the access_token of an answer'
curl -sS -i "$TOKENKEEP_DEMO_RESOURCE/notes" -H "Authorization: Bearer $ACCESS_TOKEN\"""",
                "Without a token the answer says where its metadata and its authorization server are.",
            ),
        ),
    ),
    Recipe(
        "revoke",
        "Sign out",
        "Revocation: a refresh token takes every token of its sign-in with it.",
        (
            (
                """\
REFRESH_TOKEN='the refresh_token of an answer'
curl -sS -i "$TOKENKEEP_DEMO_ORIGIN/revoke" -d client_id="$TOKENKEEP_DEMO_CLIENT_ID" \\
  -d token="$REFRESH_TOKEN" -d token_type_hint=refresh_token""",
                "The answer is 200 with an empty object, for unknown tokens too.",
            ),
        ),
    ),
)
