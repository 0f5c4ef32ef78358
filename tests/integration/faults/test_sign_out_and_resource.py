"""After the token: the rows of `revoke` and of `resource`."""

from __future__ import annotations

import asyncio

import pytest

from support.engine_bench import GIT
from support.fault_rows import Row, hold, sign_out
from support.fault_stage import Outcome, Stage

GONE = {"state": "signed_out", "serves": False, "keeps": "nothing", "mended": "sign_in"}
UNCONFIRMED = (
    "The sign-out is not confirmed by Demo: the old tokens may work there until they end. "
    "TokenKeep asks it again by itself."
)
HERE_ONLY = "The tokens were removed here only: Demo {}. They may work until they end.".format


def revoked(value: str, says: str, told: object, asked: int = 1) -> Row:
    """Here it is over at once; what is said of the provider is never more than is known (REV-2, REV-3)."""
    return Row(f"revoke={value}", sign_out, says=says, words=str(told), asked={"/revoke": asked, "/token": 0}, **GONE)


SIGN_OUTS = [
    revoked("unsupported", HERE_ONLY("cannot revoke tokens of this kind"), "unsupported", asked=2),
    *(revoked(value, HERE_ONLY("refused to revoke them"), False) for value in ("400", "401", "invalid_client")),
    *(revoked(value, UNCONFIRMED, False) for value in ("429", "500", "503", "html")),
    Row("network=cut@/revoke", sign_out, says=UNCONFIRMED, words="False", asked={"/revoke": 1}, **GONE),
]


@pytest.mark.parametrize("row", SIGN_OUTS, ids=str)
async def test_REV_2_REV_3_what_a_sign_out_says(stage: Stage, row: Row) -> None:
    await hold(row, stage)


async def test_REV_2_a_sign_out_that_is_not_confirmed_is_tried_again(stage: Stage) -> None:
    await stage.signed_in()
    stage.switch({"revoke": "503", "retry_after": "120"})
    token = stage.refresh_token
    await stage.sign_out()
    await stage.bench.clock.advance(119)
    assert stage.demo.count("/revoke") == 1
    stage.demo.clear_faults()
    await stage.bench.clock.advance(60)
    await asyncio.to_thread(stage.demo.wait_for, "/revoke.ok", 2)
    assert token is not None
    assert stage.demo.refresh(token).json()["error"] == "invalid_grant"


async def use(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A program uses its token, reports a 401 as it should, and uses what it gets then; ends with both statuses."""
    await stage.signed_in()
    stage.bench.clock.skip(60)
    stage.switch(faults)
    granted = await stage.bench.token()
    first = await stage.use(granted.access_token.reveal())
    if first == 401:
        granted = await stage.bench.engine.token_rejected("p", granted.access_token.sha256, GIT)
        second = await stage.use(granted.access_token.reveal())
        if second == 401:
            granted = await stage.bench.engine.token_rejected("p", granted.access_token.sha256, GIT)
        return Outcome("done", says=f"{first}, {second}")
    return Outcome("done", says=str(first))


RESOURCES = [
    Row("resource=401*1", use, says="401, 200", asked={"/token.refresh_token": 1}),
    Row("resource=401_without_error*1", use, says="401, 200", asked={"/token.refresh_token": 1}),
    Row("resource=401", use, says="401, 401", serves=False, asked={"/token.refresh_token": 1}, mended="asking"),
    *(
        Row(f"resource={value}", use, says=value[:3], serves=False, keeps="old", asked={"/token": 0}, mended="asking")
        for value in ("400", "403", "403_without_error", "500", "503")
    ),
]


@pytest.mark.parametrize("row", RESOURCES, ids=str)
async def test_WWW_3_what_a_resource_says_of_a_token(stage: Stage, row: Row) -> None:
    await hold(row, stage)
