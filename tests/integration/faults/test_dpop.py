"""Tokens bound to a key: the rows of `dpop`, `as_nonce`, `rs_nonce` and `rs_dpop`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests

from integration.faults.conftest import OpenStage
from support.demo_provider import REQUEST_LIMIT
from support.engine_bench import GIT
from support.fault_rows import Row, hold, refresh, sign_in, sign_in_by_code
from support.fault_stage import Outcome, Stage
from support.proofs import read
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.tokens import TokenQuery

NOTHING_KEPT: dict[str, Any] = {"state": "signed_out", "serves": False, "keeps": "nothing", "mended": "sign_in"}
FAILED: dict[str, Any] = {"title": "It did not work at the provider", "ends": "provider_error"}
WANTS_NONCE = "The provider wants a nonce in the proof, and was not content with the one that it gave."
TRY_AGAIN = "Try it again; if it stays so, ask those who run the provider."


class BoundStage(Stage):
    """A program that asks for headers and does as the resource says."""

    async def headers(self, nonce: str = "") -> dict[str, str]:
        url = self.demo.resource + "/whoami"
        granted = await self.bench.engine.headers("p", "GET", url, TokenQuery(), GIT, nonce=nonce)
        found: dict[str, str] = granted.as_answer()["headers"]
        return found

    async def show(self, headers: dict[str, str], path: str = "/whoami") -> requests.Response:
        return await asyncio.to_thread(requests.get, self.demo.resource + path, headers=headers, timeout=REQUEST_LIMIT)

    async def tell(self, answer: requests.Response) -> Outcome:
        """Tell TokenKeep of a 401."""
        digest = self.digest()
        try:
            await self.bench.engine.token_rejected(
                "p",
                digest,
                GIT,
                www_authenticate=answer.headers["WWW-Authenticate"],
                url=self.demo.resource + "/whoami",
                dpop_nonce=answer.headers.get("DPoP-Nonce", ""),
            )
        except TokenKeepError as error:
            return Outcome.of(error)
        return Outcome("done")

    def digest(self) -> str:
        held = self.bench.session().held
        assert held is not None
        return held.tokens.access_token.sha256

    async def serves(self) -> bool:
        session = self.bench.session()
        if session.held is None or not session.usable():
            return False
        sent = await self.headers()
        answer = await self.show(sent)
        if answer.status_code == 401:
            await self.tell(answer)
            answer = await self.show(await self.headers())
        return answer.status_code == 200

    async def mend_by_asking(self) -> None:
        """A program asks once more."""
        assert await self.serves()

    async def use_twice(self) -> tuple[list[int], list[str]]:
        """Two requests, each with one more try after a 401: statuses and schemes."""
        statuses, schemes, nonce = [], [], ""
        for _ in range(2):
            for tries in range(2):
                sent = await self.headers(nonce)
                answer = await self.show(sent)
                nonce = answer.headers.get("DPoP-Nonce", "") if answer.status_code == 200 else ""
                statuses.append(answer.status_code)
                schemes.append(sent["Authorization"].split()[0])
                if answer.status_code != 401 or tries:
                    break
                await self.tell(answer)
        return statuses, schemes


@pytest.fixture
async def open_bound(open_stage: OpenStage) -> Any:
    """Opens engines whose entry wants bound tokens."""

    async def start(**entry: Any) -> BoundStage:
        stage = await open_stage(**({"dpop": "required"} | entry))
        stage.__class__ = BoundStage
        assert isinstance(stage, BoundStage)
        return stage

    return start


@pytest.fixture
async def bound(open_bound: Any) -> BoundStage:
    stage: BoundStage = await open_bound()
    return stage


async def use(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A program takes its headers to the resource, twice, and tells of each 401."""
    assert isinstance(stage, BoundStage)
    await stage.signed_in()
    stage.bench.clock.skip(40)  # a proof may be a minute off the provider's clock, which stands
    stage.switch(faults)
    statuses, schemes = await stage.use_twice()
    return Outcome("done", says=", ".join(map(str, statuses)), words=" ".join(dict.fromkeys(schemes)))


NO_NONCE: dict[str, Any] = {
    "says": WANTS_NONCE,
    "step": TRY_AGAIN,
    "words": "The proof needs the nonce of the header DPoP-Nonce",
    **FAILED,
}


REFUSED = Row(
    "dpop=refused",
    sign_in,
    says="The provider did not accept the proof that the token's key is here.",
    step="Check that the clock of this computer is right.",
    words="The proof is not accepted",
    asked={"/token": 1, "/revoke": 0},
    **FAILED,
    **NOTHING_KEPT,
)
NOT_BOUND: dict[str, Any] = {
    "says": "Demo gave a bearer token, but only tokens bound to a key are wanted; it was not used.",
    "step": 'Set `dpop = "auto"` to accept bearer tokens from this provider.',
}

ROWS = [
    Row("dpop=required", sign_in, asked={"/token": 1}),
    Row("dpop=required", sign_in_by_code, asked={"/token": 1}),
    Row("dpop=required", refresh, asked={"/token.refresh_token": 1}),
    REFUSED,
    Row("dpop=ignored", sign_in, asked={"/token": 1}, **NOT_BOUND, **FAILED, **NOTHING_KEPT),
    Row("dpop=bearer_type", sign_in, asked={"/token": 1}, **NOT_BOUND, **FAILED, **NOTHING_KEPT),
    Row("as_nonce=required", sign_in, asked={"/par": 2, "/token": 1}),
    Row("as_nonce=required", sign_in_by_code, asked={"/token": 2}),
    Row("as_nonce=required", refresh, asked={"/token": 2}),
    Row("as_nonce=renew", sign_in, asked={"/par": 2, "/token": 1}),
    Row("as_nonce=offered", sign_in, asked={"/par": 1, "/token": 1}),
    Row("as_nonce=endless", sign_in, asked={"/par": 2, "/token": 0}, **NO_NONCE, **NOTHING_KEPT),
    Row(
        "as_nonce=endless",
        refresh,
        asked={"/token": 2},
        state="failed",
        keeps="old",
        mended="refreshing",
        **NO_NONCE,
    ),
    Row("as_nonce=no_header", sign_in, asked={"/par": 1, "/token": 0}, **NO_NONCE, **NOTHING_KEPT),
    Row("as_nonce=two_headers", sign_in, asked={"/par": 1, "/token": 0}, **NO_NONCE, **NOTHING_KEPT),
    Row("rs_nonce=required", sign_in, asked={"/userinfo": 2}, shows={"profile dropped": False}),
    Row("rs_nonce=required", use, says="401, 200, 200", words="DPoP", keeps="old", asked={"/token": 0}),
    Row("rs_nonce=renew", use, says="401, 200, 200", words="DPoP", keeps="old", asked={"/token": 0}),
    Row("rs_nonce=offered", use, says="200, 200", words="DPoP", keeps="old", asked={"/token": 0}),
    Row(
        "rs_nonce=endless",
        use,
        says="401, 401, 401, 401",
        words="DPoP",
        serves=False,
        keeps="old",
        asked={"/token": 0},
        mended="asking",
    ),
    Row(
        "rs_nonce=no_header",
        use,
        says="401, 401, 401, 401",
        words="DPoP",
        serves=False,
        keeps="old",
        asked={"/token": 0},
        mended="asking",
    ),
    Row(
        "rs_nonce=two_headers",
        use,
        says="401, 401, 401, 401",
        words="DPoP",
        serves=False,
        keeps="old",
        asked={"/token": 0},
        mended="asking",
    ),
    Row(
        "rs_dpop=refused",
        use,
        says="401, 401, 401, 401",
        words="DPoP",
        serves=False,
        asked={"/token.refresh_token": 1},
        mended="asking",
    ),
    Row("rs_dpop=bearer_only", use, says="401, 200, 200", words="DPoP Bearer", keeps="old", asked={"/token": 0}),
    Row("rs_dpop=other_algs", use, says="200, 200", words="DPoP", keeps="old", asked={"/token": 0}),
    Row("rs_dpop=bearer_only", sign_in, asked={"/userinfo": 2}, shows={"profile dropped": False}),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_DPOP_1_DPOP_2_DPOP_3_DPOP_4_what_comes_of_bound_tokens(bound: BoundStage, row: Row) -> None:
    await hold(row, bound)


# --- what only metadata and entry decide --------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["ignored", "bearer_type"])
async def test_DPOP_3_auto_keeps_a_bearer_token_and_gives_it_out_as_one(open_bound: Any, value: str) -> None:
    stage = await open_bound(dpop="auto")
    stage.switch({"dpop": value})
    await stage.signed_in()
    granted = await stage.bench.token()
    assert granted.token_type == "Bearer"
    assert await stage.use(granted.access_token.reveal()) == 200
    assert set(await stage.headers()) == {"Authorization"}
    stage.run_out()
    assert await stage.ask() == Outcome("done")  # the refresh token is bound to the key all the same (RFC 9449 §5)


async def test_DPOP_3_auto_binds_where_the_server_says_it_can(open_bound: Any) -> None:
    stage = await open_bound(dpop="auto")
    await stage.signed_in()
    assert set(await stage.headers()) == {"Authorization", "DPoP"}


async def test_DPOP_3_off_asks_for_nothing(open_bound: Any) -> None:
    stage = await open_bound(dpop="off")
    await stage.signed_in()
    assert (await stage.bench.token()).token_type == "Bearer"
    assert all("dpop_jkt" not in entry for entry in stage.demo.log())
    stored = stage.bench.vault.session()
    assert (stored.dpop_key, stored.dpop_jkt) == (None, "")


async def test_DPOP_3_tokens_of_a_dropped_answer_are_revoked(bound: BoundStage) -> None:
    bound.switch({"dpop": "ignored"})
    assert (await bound.sign_in()).ends == "provider_error"
    await asyncio.to_thread(bound.demo.wait_for, "/revoke.ok", 2)


async def test_DPOP_3_a_refresh_that_brings_a_bearer_token_ends_the_session(bound: BoundStage) -> None:
    await bound.signed_in()
    bound.switch({"dpop": "bearer_type"})
    outcome = await bound.renew_in_background()
    assert (outcome.says, bound.shown.state.value) == (NOT_BOUND["says"], "needs_sign_in")
    assert bound.kept == "nothing"
    await asyncio.to_thread(bound.demo.wait_for, "/revoke.ok", 2)


async def test_DPOP_5_one_key_from_the_authorization_request_to_the_last_refresh(bound: BoundStage) -> None:
    bound.demo.reset_log()
    await bound.signed_in()
    stored = bound.bench.vault.session()
    assert stored is not None
    await bound.renew_in_background()
    seen = [entry["dpop_jkt"] for entry in bound.demo.log() if "dpop_jkt" in entry]
    assert len(seen) >= 3  # the code, the profile, the refresh
    assert set(seen) == {stored.dpop_jkt}
    assert read((await bound.headers())["DPoP"]).jkt == stored.dpop_jkt


async def test_DPOP_5_a_new_sign_in_has_a_new_key(bound: BoundStage) -> None:
    await bound.signed_in()
    before = bound.bench.vault.session()
    await bound.signed_in()
    after = bound.bench.vault.session()
    assert before is not None
    assert after is not None
    assert before.dpop_jkt != after.dpop_jkt
    assert await bound.serves()


async def test_DPOP_5_an_attempt_that_fails_leaves_the_key_of_the_session(bound: BoundStage) -> None:
    await bound.signed_in()
    before = bound.bench.vault.session()
    bound.switch({"dpop": "refused"})
    assert (await bound.sign_in()).ends == "provider_error"
    bound.demo.clear_faults()
    assert bound.bench.vault.session() == before
    assert await bound.renew_in_background() == Outcome("done")


async def test_DPOP_5_a_device_sign_in_is_bound_too(bound: BoundStage) -> None:
    bound.switch({"dpop": "required"})
    assert await bound.sign_in_by_code() == Outcome("done")
    assert await bound.serves()
    assert await bound.renew_in_background() == Outcome("done")


async def test_DPOP_5_signing_out_revokes_what_is_bound(bound: BoundStage) -> None:
    await bound.signed_in()
    token = bound.refresh_token
    assert (await bound.sign_out()).words == "True"
    assert token is not None
    assert bound.demo.refresh(token).json()["error"] == "invalid_grant"
    assert bound.bench.vault.session() is None
