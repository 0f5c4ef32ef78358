"""The same promises at a server that is not ours, where it refuses, ends or rejects of its own accord."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from support.engine_bench import EngineBench
from support.fake_clock import FakeClock
from support.fault_stage import Outcome, Stage
from support.oidc_provider import OidcProviderPeer
from tokenkeep.domain.provider import Provider

pytestmark = pytest.mark.peer

ENDED = "The sign-in is no longer valid at the provider."
SCOPES = ["openid", "profile", "email", "offline_access"]


@dataclass
class Person:
    """Plays the browser at the peer."""

    peer: OidcProviderPeer
    last_redirect: str = ""

    @property
    def issuer(self) -> str:
        """The peer's address."""
        return self.peer.issuer

    @property
    def client_id(self) -> str:
        """The registered client."""
        return self.peer.client_id

    def count(self, _path: str) -> int:
        """How many token requests there were."""
        return sum(number for name, number in self.peer.counts().items() if name.startswith("token:"))

    def sign_in(self, url: str, user: str, *, allow: bool) -> str:
        """The redirect, not opened."""
        self.last_redirect = self.peer.sign_in(url, login=user, allow=allow, follow=False)
        return self.last_redirect

    def approve_device(self, user_code: str, *, allow: bool) -> None:
        """Confirm a code, or deny it."""
        self.peer.approve_device(user_code, login="ada", allow=allow)


@pytest.fixture
async def stage_of() -> AsyncIterator[Any]:
    """Opens an engine at a peer; arguments change the entry."""
    stages: list[Stage] = []

    async def start(peer: OidcProviderPeer, **entry: Any) -> Stage:
        values: dict[str, Any] = {"id": "p", "name": "Peer", "issuer": peer.issuer, "client_id": peer.client_id}
        values |= {"scopes": SCOPES, "local": True, "redirect_path": "/callback", "authorization_params": CONSENT}
        bench = EngineBench(Provider(**(values | entry)), clock=FakeClock(wall=time.time()))
        person: Any = Person(peer)
        stages.append(Stage(person, person, await bench.opened()))
        return stages[-1]

    yield start
    for stage in stages:
        await stage.close()


CONSENT = {"prompt": "consent"}  # or this server gives no refresh token


def again(peer: OidcProviderPeer, **form: str) -> requests.Response:
    """Another program that has got hold of a code or a refresh token."""
    return requests.post(f"{peer.issuer}/token", data={"client_id": peer.client_id, **form}, timeout=60)


async def ended(stage: Stage) -> None:
    """The next refresh is the last, and what is said is what happened."""
    outcome = await stage.renew_in_background()
    assert (outcome.ends, outcome.title, outcome.says, outcome.step) == (
        "provider_error",
        "This sign-in has ended",
        ENDED,
        "Sign in again.",
    )
    assert (stage.shown.state, stage.kept) == ("needs_sign_in", "nothing")
    assert (await stage.ask()).ends == "sign_in_required"


async def test_CAUTH_4_a_client_that_the_server_does_not_know(oidc_provider, stage_of) -> None:
    stage = await stage_of(oidc_provider, client_id="nobody")
    outcome = await stage.sign_in_by_code()
    assert (outcome.ends, outcome.title) == (
        "provider_error",
        "The provider does not accept this client registration",
    )
    assert outcome.says == "The provider does not know this client, or the client's secret is wrong."
    assert outcome.step.startswith("Check the client ID and secret of this provider.")
    assert stage.shown.state == "signed_out"


async def test_LOOP_6_a_redirect_that_the_server_refuses_is_named(oidc_provider, stage_of) -> None:
    stage = await stage_of(oidc_provider, redirect_path="/elsewhere")
    assert await stage.sign_in() == Outcome(
        "provider_error",
        "It did not work at the provider",
        "The provider could not use the request.",
        "Register http://127.0.0.1/elsewhere as a redirect address of this client; where the provider compares the "
        "port too, choose one with `redirect_port`.",
        "redirect_uri did not match any of the client's registered redirect_uris",
    )
    assert (stage.shown.state, stage.demo.count("/token")) == ("signed_out", 0)


async def test_RESP_6_consent_that_is_denied(oidc_provider, stage_of) -> None:
    stage = await stage_of(oidc_provider)
    outcome = await stage.sign_in(allow=False)
    assert (outcome.ends, outcome.title, outcome.step) == (
        "access_denied",
        "Access was denied",
        "Start the sign-in again.",
    )
    assert outcome.says.startswith("The request was denied. The provider says: “")
    assert (stage.shown.state, stage.demo.count("/token")) == ("signed_out", 0)


async def test_LOOP_9_LOOP_13_PKCE_4_a_code_that_comes_again_is_of_no_use_to_anybody(oidc_provider, stage_of) -> None:
    stage = await stage_of(oidc_provider)
    await stage.signed_in()
    (code,) = parse_qs(urlsplit(stage.person.last_redirect).query)["code"]
    redirect_uri = stage.person.last_redirect.partition("?")[0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": "x" * 43}
    assert again(oidc_provider, **form).json()["error"] == "invalid_grant"
    asked = stage.demo.count("/token")
    with pytest.raises(requests.ConnectionError):  # nobody listens there any more
        await stage.back(stage.person.last_redirect)
    assert await stage.renew_in_background() == Outcome("done")
    assert (stage.shown.state, stage.kept, stage.demo.count("/token")) == ("active", "new", asked + 1)


async def test_REF_4_a_refresh_token_that_somebody_uses_again_ends_the_sign_in(oidc_provider, stage_of) -> None:
    stage = await stage_of(oidc_provider)
    await stage.signed_in()
    stolen = stage.refresh_token
    assert await stage.renew_in_background() == Outcome("done")
    assert stage.kept == "new"
    assert again(oidc_provider, grant_type="refresh_token", refresh_token=stolen).json()["error"] == "invalid_grant"
    await ended(stage)
    asked = stage.demo.count("/token")
    await stage.bench.let(86_400)
    assert stage.demo.count("/token") == asked


async def test_REF_4_a_sign_in_that_was_revoked_elsewhere(oidc_provider, stage_of) -> None:
    stage = await stage_of(oidc_provider)
    await stage.signed_in()
    form = {"client_id": oidc_provider.client_id, "token": stage.refresh_token}
    answer = requests.post(f"{oidc_provider.issuer}/token/revocation", data=form, timeout=60)
    assert answer.status_code == 200
    await ended(stage)
    assert await stage.sign_in() == Outcome("done")
    assert stage.shown.state == "active"


async def test_DEV_6_a_code_that_is_denied(oidc_provider, stage_of) -> None:
    stage = await stage_of(oidc_provider)
    outcome = await stage.sign_in_by_code(allow=False)
    assert (outcome.ends, outcome.title) == ("access_denied", "Access was denied")
    assert outcome.says.startswith("The request was denied.")
    assert (stage.shown.state, stage.demo.count("/token")) == ("signed_out", 1)


async def test_DEV_5_a_code_that_runs_out(start_oidc_provider, stage_of) -> None:
    peer = start_oidc_provider(device_code_ttl=12)
    stage = await stage_of(peer)
    started = await stage.begin("device")
    assert stage.outcome_of(await stage.polled(started, 9)) == Outcome(
        "timed_out",
        "The time for this sign-in is over",
        "The code ran out before it was confirmed.",
        "Start again for a new code.",
    )
    assert (stage.shown.state, stage.demo.count("/token")) == ("signed_out", 2)
