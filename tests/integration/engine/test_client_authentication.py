"""The whole application at the demo provider's clients: sign-in, code, refresh and revocation under each method."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.demo_provider import Browser, DemoProvider
from support.fault_stage import Outcome, Stage
from tokenkeep.domain.provider import SecretSource
from tokenkeep.domain.session import SessionState

DONE = Outcome("done")
Open = Callable[..., Awaitable[Stage]]


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[bool, DemoProvider]]:
    """The demo provider over http and over https."""
    with DemoProvider(device_interval=0) as plain, DemoProvider(device_interval=0, tls=True) as tls:
        yield {False: plain, True: tls}


@pytest.fixture
async def open_stage(providers: dict[bool, DemoProvider], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Engines whose entry is one of the demo's registered clients with one method; more changes the entry."""
    stages: list[Stage] = []

    async def start(method: str, **changes: Any) -> Stage:
        tls = method == "tls_client_auth"
        demo = providers[tls]
        demo.clear_faults()
        demo.reset_log()
        person = Browser(demo)
        stage = await Stage.open(demo, person, **_entry(demo, method, tmp_path, monkeypatch, tls=tls), **changes)
        stages.append(stage)
        if tls:
            person.http.verify = demo.description["tls"]["authority"]
            stage.bench.transport._trust._bundle = demo.description["tls"]["authority"]
        return stage

    yield start
    for stage in stages:
        await stage.close()


def _entry(
    demo: DemoProvider, method: str, files: Path, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> dict[str, Any]:
    clients = demo.description["clients"]
    if tls:
        pair = demo.description["tls"]["client_certificate"]
        return {
            "client_id": clients["tls"]["client_id"],
            "client_auth": "auto",
            "tls_client_cert": pair[0] if isinstance(pair, list) else pair,
            "tls_client_key": pair[1] if isinstance(pair, list) else "",
            "local": False,
        }
    if method == "none":
        return {"client_auth": "none"}
    if method == "private_key_jwt":
        client = clients["private_key_jwt"]
        (files / "key.json").write_text(json.dumps(client["private_jwk"]))
        return {
            "client_id": client["client_id"],
            "client_auth": method,
            "private_key": SecretSource(file=str(files / "key.json")),
        }
    monkeypatch.setenv("DEMO_SECRET", clients["confidential"]["client_secret"])
    return {
        "client_id": clients["confidential"]["client_id"],
        "client_auth": method,
        "client_secret": SecretSource(env="DEMO_SECRET"),
    }


METHODS = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth")


def used(demo: DemoProvider) -> list[tuple[str, str]]:
    """Path and method of each request that a client authenticated, in order."""
    return [(one["path"], one["client_auth"]) for one in demo.log() if "client_auth" in one]


@pytest.mark.parametrize("method", METHODS)
async def test_CAUTH_1_CAUTH_2_CAUTH_3_a_whole_life_under_each_method(open_stage: Open, method: str) -> None:
    stage = await open_stage(method)
    assert await stage.sign_in() == DONE
    assert stage.shown.account == "ada"
    stage.bench.clock.skip(10)
    await stage.bench.engine.refresh("p")
    assert (await stage.sign_out()).words == "True", "the provider confirmed the revocation"
    assert await stage.sign_in_by_code() == DONE
    paths = ["/par", "/token", "/token", "/revoke", "/revoke", "/device_authorization", "/token"]
    assert used(stage.demo) == [(path, method) for path in paths]


async def test_CAUTH_2_the_secret_of_the_demo_has_characters_that_must_be_encoded(open_stage: Open) -> None:
    stage = await open_stage("client_secret_basic")
    secret = stage.demo.description["clients"]["confidential"]["client_secret"]
    assert {":", "+", "%", "&"} <= set(secret)
    stage.demo.faults(basic="raw")
    refused = await stage.sign_in()
    assert refused.title == "The provider does not accept this client registration"


async def test_CAUTH_2_a_server_that_does_not_decode_gets_the_raw_pair_by_quirk(open_stage: Open) -> None:
    stage = await open_stage("client_secret_basic", quirks=["basic_unencoded"])
    stage.demo.faults(basic="raw")
    assert await stage.sign_in() == DONE
    stage.bench.clock.skip(10)
    await stage.bench.engine.refresh("p")
    stage.demo.clear_faults()
    assert (await stage.sign_in()).ends == "provider_error", "a server that decodes does not take it"


async def test_CAUTH_3_what_the_server_saw_is_what_the_standard_says(open_stage: Open) -> None:
    stage = await open_stage("private_key_jwt")
    assert await stage.sign_in() == DONE
    stage.bench.clock.skip(10)
    await stage.bench.engine.refresh("p")
    seen = [one for one in stage.demo.log() if "client_assertion_claims" in one]
    assert [one["path"] for one in seen] == ["/par", "/token", "/token"]
    for one in seen:
        claims, header = one["client_assertion_claims"], one["client_assertion_header"]
        client_id = stage.demo.description["clients"]["private_key_jwt"]["client_id"]
        assert (claims["iss"], claims["sub"], claims["aud"]) == (client_id, client_id, stage.demo.issuer)
        assert claims["exp"] - claims["iat"] <= 60
        assert header["typ"] == "client-authentication+jwt"
        assert header["kid"] == "client-key-1"
    assert len({one["client_assertion_claims"]["jti"] for one in seen}) == 3


async def test_CAUTH_3_a_retry_after_a_lost_answer_has_another_assertion(open_stage: Open) -> None:
    stage = await open_stage("private_key_jwt")
    assert await stage.sign_in() == DONE
    stage.demo.reset_log()
    stage.demo.faults(token="503*1")
    stage.bench.clock.skip(10)
    await stage.renew_in_background()
    assert stage.shown.state is SessionState.OFFLINE
    await stage.renew_in_background()
    assert stage.shown.state is SessionState.ACTIVE
    assertions = [one["client_assertion"] for one in stage.demo.log("/token")]
    assert len(assertions) == len(set(assertions)) == 2


async def test_CAUTH_4_an_expired_certificate_keeps_the_sign_in_and_a_renewed_one_goes_on(
    open_stage: Open, tmp_path: Path
) -> None:
    stage = await open_stage("tls_client_auth")
    assert await stage.sign_in() == DONE
    stage.remember()
    bound = stage.bench.session().client._transport._certificate
    assert bound is not None
    good, bound._certificate = bound._certificate, tmp_path / "gone.pem"
    stage.bench.clock.skip(10)
    refused = await stage.renew_in_background()
    assert refused.ends == "misconfigured"
    assert "gone.pem is missing" in refused.says
    assert (stage.shown.state, stage.kept) == (SessionState.FAILED, "old")
    bound._certificate = good
    stage.bench.clock.skip(10)
    await stage.bench.engine.refresh("p")
    assert (stage.shown.state, stage.kept) == (SessionState.ACTIVE, "new")


async def test_CAUTH_1_a_stranger_s_certificate_is_a_broken_registration(open_stage: Open) -> None:
    stage = await open_stage("tls_client_auth")
    files = stage.demo.description["tls"]["stranger_certificate"]
    bound = stage.bench.session().client._transport._certificate
    assert bound is not None
    bound._certificate, bound._key = (Path(one) for one in (files if isinstance(files, list) else [files, files]))
    refused = await stage.sign_in()
    assert refused.title == "The provider does not accept this client registration"


async def test_LEAK_1_LEAK_5_no_secret_key_or_assertion_is_logged_shown_or_kept(
    open_stage: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for method in ("client_secret_basic", "private_key_jwt"):
        stage = await open_stage(method)
        assert await stage.sign_in() == DONE
        stage.bench.clock.skip(10)
        await stage.bench.engine.refresh("p")
        clients = stage.demo.description["clients"]
        secrets = (clients["confidential"]["client_secret"], clients["private_key_jwt"]["private_jwk"]["d"])
        shown = repr(stage.bench.engine.snapshot()) + repr(stage.bench.events)
        kept = "".join(one.decode() for one in stage.bench.vault._sessions.values())
        for text in (shown, kept, caplog.text):
            assert not [one for one in (*secrets, "eyJhbGciOiJFUzI1NiIsInR5cCI6ImNsaWVudC") if one in text]


async def test_CAUTH_3_a_clock_that_is_behind_makes_no_assertion_too_old(open_stage: Open) -> None:
    stage = await open_stage("private_key_jwt", scopes=["notes:read"], refresh_token="optional")  # no id_token
    stage.bench.clock.skip(-3600)
    assert await stage.sign_in() == DONE
    claims = [one["client_assertion_claims"] for one in stage.demo.log() if "client_assertion_claims" in one]
    assert abs(claims[0]["iat"] - time.time()) < 60
