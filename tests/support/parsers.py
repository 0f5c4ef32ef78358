"""Every reader of what servers, browsers and people send, as a function of bytes that fails when a promise is broken.

The promises: nothing is raised but our own errors, nothing secret and nothing raw is in them, and what is returned
keeps to its type. Property tests and the fuzzers of `tests/fuzz` feed the same functions.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qsl

from requests.structures import CaseInsensitiveDict

from support.oauth_values import CLIENT_ID, ISSUER, NOW, REDIRECT_URI, key, make_metadata, make_provider, public
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import (
    authorization,
    challenges,
    claims,
    client_metadata,
    device,
    identity,
    introspection,
    jws,
    pushed,
    registration,
    revocation,
    strict_json,
    token_answer,
)
from tokenkeep.oauth.answer import Answer, Request
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.jwks import KEYS_MAX, KeySets
from tokenkeep.oauth.metadata import fetch
from tokenkeep.oauth.quirks import Quirks, _known
from tokenkeep.oauth.reach import Reach
from tokenkeep.oauth.transport import Transport
from tokenkeep.storage.catalogue import Catalogue
from tokenkeep.storage.settings import parse as parse_configuration

# Members whose values are nobody's to see, wherever a server puts them.
SECRET_MEMBERS = frozenset(
    (
        "access_token",
        "refresh_token",
        "id_token",
        "device_code",
        "code",
        "client_secret",
        "registration_access_token",
        "request_uri",
    )
)
STATUSES = (200, 200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503)
KINDS = (
    "application/json",
    "application/json",
    "application/x-www-form-urlencoded",
    "application/jwt",
    "text/html",
    "",
)
SHORTEST = 6  # characters; shorter values occur in our own sentences by chance

ALL_QUIRKS = Quirks()
for _quirk in _known().values():
    ALL_QUIRKS |= _quirk
PROVIDER = make_provider(scopes=["openid"])
OAUTH_PROVIDER = make_provider(scopes=["notes:read"])
METADATA = make_metadata(
    registration_endpoint=f"{ISSUER}/register",
    introspection_endpoint=f"{ISSUER}/introspect",
    pushed_authorization_request_endpoint=f"{ISSUER}/par",
    require_pushed_authorization_requests=True,
)
CREDENTIALS = ClientCredentials(CLIENT_ID)
ATTEMPT = authorization.begin(PROVIDER, METADATA, REDIRECT_URI)
CATALOGUE = Catalogue.load()
KEYS = (public(key("RSA")), public(key("P-256")))


class Canned:
    """In place of a transport: every request is answered the same, whatever it asks."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._kept: dict[type[Any], Any] = {}
        self.timeout = 30.0
        self.reach = Reach(PROVIDER.written)

    def send(self, _request: Request, *, local: bool = False) -> Answer:  # noqa: ARG002 - as the transport's
        return self._answer

    def keep(self, kind: type[Any]) -> Any:
        return self._kept.setdefault(kind, kind(self))

    def clock_offset(self, _endpoint: str) -> float:
        return 0.0

    def wall(self) -> float:
        return NOW


def answer_of(data: bytes) -> Answer:
    """The first two bytes choose status and content type, the rest is the body."""
    status, kind = (data[0], data[1]) if len(data) > 1 else (0, 0)
    headers = CaseInsensitiveDict({"Content-Type": KINDS[kind % len(KINDS)]})
    return Answer(STATUSES[status % len(STATUSES)], cast("Mapping[str, str]", headers), data[2:], NOW, ISSUER)


def canned(data: bytes) -> Transport:
    return cast("Transport", Canned(answer_of(data)))


def secrets_in(body: bytes) -> set[str]:
    """Values of secret members of a JSON or form body, however deep, read more leniently than ours."""
    found: set[str] = set()
    text = body.decode("utf-8", errors="replace")
    try:
        _collect(json.loads(text), found)
    except (ValueError, RecursionError):
        found |= {value for name, value in parse_qsl(text) if name in SECRET_MEMBERS}
    # a server that repeats a secret as its error's name or description has told it to everybody itself
    return {value for value in found if len(value) >= SHORTEST and text.count(value) == 1}


def _collect(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        found |= {one for name, one in value.items() if name in SECRET_MEMBERS and isinstance(one, str)}
        for one in value.values():
            _collect(one, found)
    elif isinstance(value, list):
        for one in value:
            _collect(one, found)


def assert_tight_lipped(error: BaseException, body: bytes) -> None:
    """Neither an error nor what hangs on it shows a secret, or a body that could not be read."""
    shown = []
    link: BaseException | None = error
    while link is not None:
        shown += [str(link), repr(link), *(repr(value) for value in vars(link).values() if value is not link)]
        link = link.__cause__ or link.__context__
    text = "\n".join([*shown, *traceback.format_exception_only(error)])
    for secret in secrets_in(body):
        assert secret not in text, f"{type(error).__name__} shows a secret"
    try:
        strict_json.loads(body)
    except ValueError:
        raw = body.decode("utf-8", errors="replace")
        if len(raw) >= 32 and "error" not in raw:
            assert raw[:32] not in text, f"{type(error).__name__} shows the body"


def _answered(call: Callable[[], object], data: bytes) -> Any:
    try:
        return call()
    except TokenKeepError as error:
        assert_tight_lipped(error, data[2:])
        return None


def _token_answer(data: bytes) -> None:
    answer = answer_of(data)
    for quirks in (None, ALL_QUIRKS):
        found = _answered(partial(token_answer.parse, answer, requested=("a",), quirks=quirks), data)
        if found is not None:
            tokens = found.tokens
            assert tokens.access_token
            assert tokens.access_token.reveal().isprintable()
            assert tokens.lifetime is None or 0 <= tokens.lifetime <= token_answer.LIFETIME_MAX
            assert all(isinstance(scope, str) and scope for scope in tokens.scope)
            assert tokens.access_token.reveal() not in repr(found) or len(tokens.access_token.reveal()) < SHORTEST


def _device(data: bytes) -> None:
    for name in ("google", "token_type_optional"):
        provider = make_provider(flow="device_code", quirks=[name])
        codes = _answered(partial(device.request_codes, canned(data), provider, METADATA, CREDENTIALS), data)
        if codes is not None:
            assert 1 <= codes.interval <= device.MAX_INTERVAL
            assert 0 < codes.expires_in <= device.EXPIRES_MAX
            assert codes.user_code.isprintable()
            assert codes.verification_uri.isprintable()
    provider = make_provider(flow="device_code")
    waiting = device.DeviceAuthorization(Secret("d" * 20), "ABCD", ISSUER, None, 60, 5, None, NOW, True)
    _answered(lambda: device.poll(canned(data), provider, METADATA, CREDENTIALS, waiting), data)


def _metadata(data: bytes) -> None:
    for provider in (PROVIDER, OAUTH_PROVIDER):
        found = _answered(partial(fetch, canned(data), provider), data)
        if found is not None:
            assert found.issuer == ISSUER
            for name in ("token_endpoint", "authorization_endpoint", "jwks_uri", "registration_endpoint"):
                url = getattr(found, name)
                assert url is None or url.startswith("https://")


def _authorization_response(data: bytes) -> None:
    query = data.decode("utf-8", errors="replace").replace("STATE", ATTEMPT.state.reveal())
    code = _answered(lambda: authorization.read_response(ATTEMPT, query), b"xx" + query.encode())
    assert code is None or ATTEMPT.state.reveal() in query


def _jws(data: bytes) -> None:
    token = data.decode("latin-1")
    try:
        parsed = jws.parse(token, jws.ALGORITHMS)
        expected = claims.Expectation(ISSUER, CLIENT_ID, None, Secret("access"), NOW, 0.0)
        for step in (lambda: jws.verify(parsed, KEYS), lambda: claims.check_claims(parsed, expected)):
            try:
                step()
            except jws.BadToken as bad:
                assert_tight_lipped(bad, data)
    except jws.BadToken as bad:
        assert_tight_lipped(bad, data)


def _jwks(data: bytes) -> None:
    keys = _answered(lambda: KeySets(canned(data)).get(f"{ISSUER}/jwks", local=False, wall=NOW), data)
    for one in keys or ():
        assert jws.algorithms_of(one) <= jws.ALGORITHMS.keys()
    assert keys is None or len(keys) <= KEYS_MAX


def _challenges(data: bytes) -> None:
    header = data.decode("latin-1")
    for challenge in challenges.parse(header):
        assert challenge.scheme in header
        assert all(name == name.lower() for name in challenge.parameters)


def _registration(data: bytes) -> None:
    wanted = {"redirect_uris": [REDIRECT_URI], "grant_types": ["authorization_code"], "response_types": ["code"]}
    found = _answered(lambda: registration.register(canned(data), PROVIDER, METADATA, wanted), data)
    if found is not None:
        assert found.client_id
        assert not [secret for secret in secrets_in(data[2:]) if secret in repr(found) and secret != found.client_id]


def _client_metadata(data: bytes) -> None:
    try:
        published = strict_json.loads(data)
    except ValueError:
        return
    assert all(isinstance(one, str) for one in client_metadata.faults(published, "https://client.example/id.json"))


def _introspection(data: bytes) -> None:
    found = introspection.introspect(canned(data), PROVIDER, METADATA, Secret("access-token"), CREDENTIALS)
    assert isinstance(found, introspection.Introspection)


def _pushed(data: bytes) -> None:
    found = _answered(lambda: pushed.push(canned(data), ATTEMPT, CREDENTIALS), data)
    if found is not None:
        assert found.url.startswith(f"{ISSUER}/authorize?client_id=")
        assert "\n" not in found.url


def _revocation(data: bytes) -> None:
    arguments = (PROVIDER, METADATA, Secret("refresh-token"), "refresh_token", CREDENTIALS)
    _answered(lambda: revocation.revoke(canned(data), *arguments), data)


def _userinfo(data: bytes) -> None:
    for quirks in ([], ["slack"], ["github"], ["discord"]):
        provider = make_provider(quirks=quirks)
        tokens = TokenSet(Secret("access-token"), "Bearer", NOW, None, ())
        found = _answered(partial(identity.userinfo, canned(data), provider, METADATA, tokens, None), data)
        who = None if found is None else identity.account(ISSUER, None, found)
        if who is not None:
            assert who.subject
            assert who.label.isprintable()
            assert len(who.label) <= identity.LABEL_MAX


def _headers(data: bytes) -> None:
    value = data.decode("latin-1")
    headers = CaseInsensitiveDict({"Retry-After": value, "Date": value, "Cache-Control": value})
    answer = Answer(503, cast("Mapping[str, str]", headers), b"", NOW, ISSUER)
    assert answer.retry_after is None or 0 <= answer.retry_after <= 86_400
    assert answer.date is None or isinstance(answer.date, float)


def _configuration(data: bytes) -> None:
    found = parse_configuration(data.decode("utf-8", errors="replace"), CATALOGUE)
    assert isinstance(found, Configuration)


@dataclass(frozen=True)
class Parser:
    """One reader.

    :param words: what its input is made of, for whoever makes inputs up.
    :param form: `answer` (status, content type and body), `text` or `json`.
    :param seeds: inputs that it accepts, or nearly so.
    :param rounds: how often a fuzzer runs it in the normal tests: less where one run is slow.
    """

    feed: Callable[[bytes], None]
    form: str
    words: tuple[str, ...]
    seeds: tuple[str, ...]
    rounds: int = 10_000


_ERRORS = ("error", "error_description", "invalid_grant", "access_denied", "temporarily_unavailable")
_TOKENS = (
    "access_token",
    "token_type",
    "Bearer",
    "DPoP",
    "expires_in",
    "refresh_token",
    "scope",
    "id_token",
    "issued_token_type",
    "authed_user",
    "user",
    "ok",
    "reason",
    *_ERRORS,
)
_TOKEN_ANSWER = '{"access_token":"CANARY-AT","token_type":"Bearer","expires_in":3600,"refresh_token":"CANARY-RT"}'
_URL = "https://auth.example.com"

PARSERS: dict[str, Parser] = {
    "token_answer": Parser(
        _token_answer,
        "answer",
        _TOKENS,
        (
            _TOKEN_ANSWER,
            '{"ok":true,"authed_user":{"access_token":"CANARY-AT","token_type":"user","scope":"a,b","expires_in":"9"}}',
            "access_token=CANARY-AT&token_type=bearer&scope=repo%2Cgist",
            '{"error":"invalid_grant","error_description":"gone"}',
        ),
    ),
    "device": Parser(
        _device,
        "answer",
        (
            "device_code",
            "user_code",
            "verification_uri",
            "verification_uri_complete",
            "verification_url",
            "interval",
            *_TOKENS,
            "authorization_pending",
            "slow_down",
            "expired_token",
        ),
        (
            f'{{"device_code":"CANARY-DC","user_code":"A-B","verification_uri":"{_URL}/d","expires_in":900,"interval":5}}',
            '{"error":"slow_down"}',
        ),
        5_000,
    ),
    "metadata": Parser(
        _metadata,
        "answer",
        (
            "issuer",
            "token_endpoint",
            "authorization_endpoint",
            "jwks_uri",
            "registration_endpoint",
            "mtls_endpoint_aliases",
            "scopes_supported",
            "code_challenge_methods_supported",
            "authorization_response_iss_parameter_supported",
            _URL,
            "http://127.0.0.1/",
            "https://[::1]/",
            "https://x@y/",
        ),
        (
            (
                f'{{"issuer":"{_URL}","token_endpoint":"{_URL}/t","authorization_endpoint":"{_URL}/a","jwks_uri":"{_URL}/k",'
                f'"mtls_endpoint_aliases":{{"token_endpoint":"{_URL}/m"}},"scopes_supported":["openid"]}}'
            ),
        ),
        5_000,
    ),
    "authorization_response": Parser(
        _authorization_response,
        "text",
        (
            "state=",
            "STATE",
            "code=",
            "iss=",
            "error=",
            "error_description=",
            "access_token=",
            "&",
            "%20",
            _URL,
        ),
        (f"state=STATE&code=CANARY-CODE&iss={_URL}", "state=STATE&error=access_denied&error_description=x"),
    ),
    "jws": Parser(
        _jws,
        "text",
        (".", "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ", "e30", "eyJpc3MiOiJ4In0"),
        (
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZS5jb20iLCJhdWQiOiJjbGllbnQtMSIsInN1YiI6IngifQ.AAAA",
            "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
            "a.b.c.d.e",
        ),
    ),
    "jwks": Parser(
        _jwks,
        "answer",
        (
            "keys",
            "kty",
            "RSA",
            "EC",
            "OKP",
            "n",
            "e",
            "crv",
            "x",
            "y",
            "P-256",
            "use",
            "sig",
            "alg",
            "key_ops",
            "kid",
            "AQAB",
        ),
        (json.dumps({"keys": list(KEYS)}), '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}'),
        5_000,
    ),
    "challenges": Parser(
        _challenges,
        "text",
        ("Bearer ", "DPoP ", 'realm="', "error=", '"', "\\\\", ", ", "resource_metadata=", "="),
        (
            'Bearer realm="a, scope=evil", error="invalid_token", resource_metadata="https://r.example/x"',
            'Basic YTpi, DPoP algs=\\"ES256"',
        ),
    ),
    "registration": Parser(
        _registration,
        "answer",
        (
            "client_id",
            "client_secret",
            "client_secret_expires_at",
            "redirect_uris",
            "registration_access_token",
            "registration_client_uri",
            "token_endpoint_auth_method",
            "none",
            "invalid_redirect_uri",
            "grant_types",
            *_ERRORS,
        ),
        (
            (
                f'{{"client_id":"c","client_secret":"CANARY-CS","client_secret_expires_at":0,"redirect_uris":["{REDIRECT_URI}"],'
                f'"registration_access_token":"CANARY-RAT","registration_client_uri":"{_URL}/register/c"}}'
            ),
        ),
        5_000,
    ),
    "client_metadata": Parser(
        _client_metadata,
        "json",
        (
            "client_id",
            "client_name",
            "redirect_uris",
            "http://127.0.0.1/",
            "none",
            "token_endpoint_auth_method",
            "https://client.example/id.json",
            "http://[",
            "client_secret",
        ),
        (
            (
                '{"client_id":"https://client.example/id.json","client_name":"x","redirect_uris":["http://127.0.0.1/callback/x"],'
                '"token_endpoint_auth_method":"none"}'
            ),
        ),
    ),
    "introspection": Parser(
        _introspection,
        "answer",
        ("active", "scope", "exp", "sub", "client_id", "aud", "iss", *_ERRORS),
        ('{"active":true,"scope":"a b","exp":1700000000,"aud":["x"],"client_id":"c"}',),
    ),
    "pushed": Parser(
        _pushed,
        "answer",
        ("request_uri", "expires_in", "urn:ietf:params:oauth:request_uri:x", *_ERRORS),
        ('{"request_uri":"urn:ietf:params:oauth:request_uri:CANARY","expires_in":60}',),
    ),
    "revocation": Parser(
        _revocation, "answer", (*_ERRORS, "invalid_token", "unsupported_token_type"), ("", '{"error":"x"}')
    ),
    "userinfo": Parser(
        _userinfo,
        "answer",
        ("sub", "name", "email", "preferred_username", "id", "login", "team_id", "user_id"),
        ('{"sub":"x","name":"Ada","email":"a@example.com"}', '{"id":7,"login":"ada"}'),
        5_000,
    ),
    "headers": Parser(
        _headers,
        "text",
        ("Wed, 21 Oct 2026 07:28:00 GMT", "120", "max-age=", "-1", "9" * 40, "no-store"),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "120"),
    ),
    "configuration": Parser(
        _configuration,
        "text",
        (
            "[app]",
            "[providers.x]",
            "[[access.rule]]",
            "preset = ",
            "issuer = ",
            '"github"',
            "client_id = ",
            '"""',
            "\n",
            "{",
            "}",
            "[",
            "]",
            "log_level",
            "flow = ",
            "redirect_port = ",
            "99999999999",
            "inf",
            "1979-05-27",
        ),
        (
            '[app]\nlog_level = "trace"\n[providers.x]\npreset = "github"\nclient_id = "c"\nredirect_port = [1, 2]\n',
            '[providers.y]\nissuer = "https://a.example"\nflow = "device_code"\nclient_secret = { env = "X" }\n',
        ),
        3_000,
    ),
}
