"""The flows, in the order in which they are tried; one that TokenKeep learns is added to the table at the end."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from tokenkeep.cli.selftest.person import Person
from tokenkeep.cli.selftest.stage import Stage
from tokenkeep.domain.check import CheckReport, Outcome
from tokenkeep.domain.errors import GrantEnded, ProviderError
from tokenkeep.domain.tokens import TokenSet
from tokenkeep.oauth import authorization, metadata, pkce, refresh

# No browser opens it: these flows read the code from the redirect itself.
REDIRECT_URI = "http://127.0.0.1:53682/callback/selftest"


class Wrong(Exception):
    """It went otherwise than it must; the text says how."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One line of the report.

    :param run: does it and says what was seen; raises when it went wrong.
    :param needs: name of the flow without which this one cannot be tried.
    """

    name: str
    standard: str
    run: Callable[[Stage], str]
    needs: str = ""


def expect(met: bool, otherwise: str) -> None:
    """Raise `Wrong` with those words unless it is met."""
    if not met:
        raise Wrong(otherwise)


# --- what the server says about itself


def metadata_rules(stage: Stage) -> str:
    return _all_pass(CheckReport.from_answer(stage.client.check(issuer=stage.issuer)))


def resource_rules(stage: Stage) -> str:
    return _all_pass(CheckReport.from_answer(stage.client.check(url=stage.resource)))


def _all_pass(report: CheckReport) -> str:
    bad = [rule.id for rule in report.rules if rule.needs_somebody]
    expect(not bad, f"Not passed: {', '.join(bad)}.")
    return f"{len(report.of(Outcome.PASS))} rules passed."


# --- the browser sign-in


def browser_sign_in(stage: Stage) -> str:
    sign_in = stage.client.sign_in("demo", method="browser", open_browser=False)
    redirect = stage.person.consent(sign_in["authorization_url"])
    _back(stage, redirect)
    _ended(stage, sign_in["id"], "done")
    account = stage.client.provider("demo")["account"]
    return f"Signed in as {account}."


def foreign_answer(stage: Stage) -> str:
    """An answer with another state is not ours, and the sign-in goes on waiting (RESP-1)."""
    sign_in = stage.client.sign_in("demo", method="browser", open_browser=False)
    redirect = stage.person.consent(sign_in["authorization_url"])
    place = redirect.partition("?")[0]
    stranger = stage.person.open(f"{place}?{urlencode({'code': 'x', 'state': secrets.token_urlsafe(16)})}")
    expect(stranger.status >= 400, f"An answer with another state got status {stranger.status}.")
    expect(stage.client.sign_in_state(sign_in["id"])["state"] == "waiting_for_browser", "The sign-in was ended by it.")
    _back(stage, redirect)
    _ended(stage, sign_in["id"], "done")
    return "Ignored; the real one was taken then."


def other_issuer(stage: Stage) -> str:
    """The answer of another server ends the sign-in before its code is sent anywhere (RESP-3)."""
    sign_in = stage.client.sign_in("demo", method="browser", open_browser=False)
    with _fault(stage, iss="wrong"):
        redirect = stage.person.consent(sign_in["authorization_url"])
    _back(stage, redirect)
    _ended(stage, sign_in["id"], "failed")
    return "Refused; the code was not sent."


def pushed_request(stage: Stage) -> str:
    """The browser gets the name of the request and nothing of it; a used name is good for nothing (RFC 9126 §4)."""
    sign_in = stage.client.sign_in("demo", method="browser", open_browser=False)
    url = sign_in["authorization_url"]
    names = sorted(parse_qs(urlsplit(url).query))
    expect(names == ["client_id", "request_uri"], f"The browser is shown {', '.join(names)}.")
    redirect = stage.person.consent(url)
    expect(stage.person.open(url).status == 400, "A used request is taken a second time.")
    _back(stage, redirect)
    _ended(stage, sign_in["id"], "done")
    return "The browser got client_id and request_uri."


def resource(stage: Stage) -> str:
    """A token for one resource, beside the one for all; the other resource refuses it (RFC 8707 §2.2)."""
    models = f"{stage.issuer}/v1"
    token = stage.client.token("demo", resource=[models]).access_token
    expect(stage.person.open(f"{models}/models", token=token).status == 200, "Its own resource refuses it.")
    expect(stage.person.open(stage.resource, token=token).status == 401, "Another resource takes it too.")
    everywhere = stage.client.token("demo").access_token
    expect(stage.person.open(stage.resource, token=everywhere).status == 200, "The first token is not taken any more.")
    return "Taken at its resource, refused at the other."


def identity(stage: Stage) -> str:
    """A sign-in is done only when the id_token passed; the account is from there and from userinfo."""
    expect(bool(stage.client.provider("demo")["account"]), "No account is known after the sign-in.")
    sign_in = stage.client.sign_in("demo", method="browser", open_browser=False)
    with _fault(stage, id_token="bad_signature"):
        _back(stage, stage.person.consent(sign_in["authorization_url"]))
        _ended(stage, sign_in["id"], "failed")
    return "A good signature is taken, a bad one refused."


# --- the token at work


def bearer(stage: Stage) -> str:
    token = stage.client.token("demo").access_token
    page = stage.person.open(stage.resource, token=token)
    expect(page.status == 200, f"The resource answered with status {page.status}.")
    return f"The resource knows {json.loads(page.text)['name']}."


def challenge(stage: Stage) -> str:
    page = stage.person.open(stage.resource)
    expect(page.status == 401, f"Without a token the resource answered with status {page.status}.")
    expect("resource_metadata=" in page.challenge, "The challenge does not name the resource's metadata.")
    return "401, and where the metadata is."


def rotation(stage: Stage) -> str:
    before = stage.client.token("demo").access_token
    stage.client.refresh("demo")
    after = stage.client.token("demo").access_token
    expect(before != after, "The token is the same after a refresh.")
    expect(stage.person.open(stage.resource, token=after).status == 200, "The new token is not taken.")
    return "A new token, and it is taken."


def sign_out(stage: Stage) -> str:
    token = stage.client.token("demo").access_token
    outcome = stage.client.sign_out("demo")
    expect(outcome["revoked"] is True, str(outcome["detail"]))
    expect(stage.person.open(stage.resource, token=token).status == 401, "The old token is still taken.")
    return "Revoked, and no longer taken."


# --- the code on another device


def device(stage: Stage) -> str:
    sign_in = stage.client.sign_in("demo-code", method="device", open_browser=False)
    stage.person.approve(sign_in["user_code"])
    _ended(stage, sign_in["id"], "done")
    token = stage.client.token("demo-code").access_token
    expect(stage.person.open(stage.resource, token=token).status == 200, "The token is not taken.")
    return "Signed in by code."


# --- a client that the server registers


def registration(stage: Stage) -> str:
    """Registered at the first sign-in, used for the refresh, deleted with the provider (RFC 7591, RFC 7592)."""
    sign_in = stage.client.sign_in("demo-registered", method="browser", open_browser=False)
    _back(stage, stage.person.consent(sign_in["authorization_url"]))
    _ended(stage, sign_in["id"], "done")
    facts = stage.client.provider("demo-registered")["client"]
    expect(facts["source"] == "registration", f"The client is {facts['source']}, not registered.")
    stage.client.refresh("demo-registered")
    stage.client.remove("demo-registered")
    done = next(one for one in stage.client.activity() if one["event"] == "remove")
    expect(done["outcome"] == "ok", "The registration could not be deleted.")
    return "Registered, used, and deleted again."


# --- bound to a key


def bound_token(stage: Stage) -> str:
    """A token that is worth nothing without a proof of its key, which stays here (RFC 9449 §7)."""
    sign_in = stage.client.sign_in("demo-bound", method="browser", open_browser=False)
    _back(stage, stage.person.consent(sign_in["authorization_url"]))
    _ended(stage, sign_in["id"], "done")
    headers = stage.client.headers(stage.resource, provider="demo-bound")
    expect("DPoP" in headers, "The token is not bound to a key.")
    expect(stage.person.open(stage.resource, headers=headers).status == 200, "Token and proof are not taken.")
    expect(stage.person.open(stage.resource, headers=headers).status == 401, "A proof is taken twice.")
    bare = headers["Authorization"].partition(" ")[2]
    expect(stage.person.open(stage.resource, token=bare).status == 401, "The token is taken without a proof.")
    return "Taken with a new proof, refused without."


# --- without a person


def client_credentials(stage: Stage) -> str:
    first = _machine(stage, "demo-service")
    expect(stage.client.sign_in("demo-service")["state"] == "done", "A sign-in is not done at once.")
    expect(_machine(stage, "demo-service") != first, "Renewal gave the same token.")
    return "Got, and got anew."


def jwt_bearer(stage: Stage) -> str:
    _machine(stage, "demo-job")
    return f"Got for {stage.client.provider('demo-job')['account']}."


def token_exchange(stage: Stage) -> str:
    before = _machine(stage, "demo-service")
    expect(_machine(stage, "demo-exchange") != before, "The exchange gave the same token.")
    return "Another token for the service's."


def _machine(stage: Stage, provider: str) -> str:
    """The access token, which the resource takes."""
    token = stage.client.token(provider).access_token
    expect(stage.person.open(stage.resource, token=token).status == 200, "The token is not taken.")
    return token


# --- what the server must refuse; one request at a time


def wrong_verifier(stage: Stage) -> str:
    attempt, code = _code(stage)
    forged = replace(attempt, verifier=pkce.new_verifier())
    return _refused(lambda: authorization.exchange(stage.transport, forged, code, stage.credentials))


def code_replay(stage: Stage) -> str:
    attempt, code = _code(stage)
    authorization.exchange(stage.transport, attempt, code, stage.credentials)
    return _refused(lambda: authorization.exchange(stage.transport, attempt, code, stage.credentials))


def refresh_replay(stage: Stage) -> str:
    """A refresh token that comes twice ends the whole sign-in at the server (RFC 9700 §4.14.2)."""
    attempt, code = _code(stage)
    first = authorization.exchange(stage.transport, attempt, code, stage.credentials).tokens
    second = _refreshed(stage, first)
    for tokens, whose in ((first, "A used refresh token was taken."), (second, "Its successor still works.")):
        try:
            _refreshed(stage, tokens)
        except GrantEnded:
            continue
        raise Wrong(whose)
    return "Noticed: the whole sign-in was ended."


# --- inner


def _code(stage: Stage) -> tuple[authorization.Attempt, Any]:
    found = metadata.discover(stage.transport, stage.provider)
    attempt = authorization.begin(stage.provider, found, REDIRECT_URI)
    redirect = stage.person.consent(attempt.url)
    return attempt, authorization.read_response(attempt, urlsplit(redirect).query)


def _refused(exchange: Callable[[], object]) -> str:
    try:
        exchange()
    except ProviderError as refusal:
        expect(refusal.error == "invalid_grant", f"Refused with {refusal.error} in place of invalid_grant.")
        return "Refused with invalid_grant."
    raise Wrong("It was taken.")


def _refreshed(stage: Stage, tokens: TokenSet) -> TokenSet:
    found = metadata.discover(stage.transport, stage.provider)
    return refresh.refresh(stage.transport, stage.provider, found, tokens, stage.credentials).tokens


def _back(stage: Stage, redirect: str) -> None:
    """Open the redirect as a browser does: the address with the code in it is replaced by another at once."""
    page = stage.person.open(redirect)
    if page.status == 303:
        page = stage.person.open(urljoin(redirect, page.location))
    expect(page.status == 200, f"The way back from the browser ended with status {page.status}.")


def _ended(stage: Stage, sign_in: str, state: str) -> None:
    found = stage.client.wait_sign_in(sign_in)
    if found["state"] != state:
        problem = found["error"] or {}
        raise Wrong(f"The sign-in is {found['state']}, not {state}. {problem.get('detail', '')}".rstrip())


@contextmanager
def _fault(stage: Stage, **switches: str) -> Iterator[None]:
    person = Person(stage.issuer, "", "")
    board = f"{stage.issuer}/faults"
    answer = person.open(board, json=json.dumps(switches).encode())
    expect(answer.status == 200, "The demo provider does not take the fault.")
    try:
        yield
    finally:
        person.open(board, method="DELETE")


SIGN_IN = "sign-in in the browser"
FLOWS = (
    Flow("metadata", "RFC 8414", metadata_rules),
    Flow("resource metadata", "RFC 9728", resource_rules),
    Flow("challenge without a token", "RFC 6750 §3", challenge),
    Flow(SIGN_IN, "RFC 7636, RFC 8252", browser_sign_in),
    Flow("token in the header", "RFC 6750 §2.1", bearer, needs=SIGN_IN),
    Flow("answer with a foreign state", "RFC 6749 §10.12", foreign_answer, needs=SIGN_IN),
    Flow("answer of another issuer", "RFC 9207 §2.4", other_issuer, needs=SIGN_IN),
    Flow("id_token and userinfo", "OpenID Connect §3.1.3", identity, needs=SIGN_IN),
    Flow("pushed request", "RFC 9126", pushed_request, needs=SIGN_IN),
    Flow("resource", "RFC 8707", resource, needs=SIGN_IN),
    Flow("refresh with rotation", "RFC 6749 §6", rotation, needs=SIGN_IN),
    Flow("sign-out with revocation", "RFC 7009", sign_out, needs=SIGN_IN),
    Flow("sign-in by code", "RFC 8628", device),
    Flow("registered client", "RFC 7591, RFC 7592", registration),
    Flow("token bound to a key", "RFC 9449", bound_token),
    Flow("token of a service", "RFC 6749 §4.4", client_credentials),
    Flow("token for an assertion", "RFC 7523 §2.1", jwt_bearer),
    Flow("token for a token", "RFC 8693", token_exchange, needs="token of a service"),
    Flow("wrong code verifier", "RFC 7636 §4.6", wrong_verifier),
    Flow("code sent twice", "RFC 6749 §4.1.2", code_replay),
    Flow("refresh token sent twice", "RFC 9700 §4.14.2", refresh_replay),
)
