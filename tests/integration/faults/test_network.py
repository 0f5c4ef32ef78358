"""The connection and HTTP itself: the rows of `network`, `redirect`, `gzip`, `set_cookie`, `cache_control`, clocks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.fault_rows import Row, hold, refresh, sign_in, sign_in_again
from support.fault_stage import Outcome, Stage

AGAIN = "Start the sign-in again."
BY_ITSELF = "TokenKeep tries again by itself."
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
BROKE = "The connection to 127.0.0.1 broke before an answer came."
SILENT = "127.0.0.1 did not answer within 0.2 seconds."
RENEWED = {"/token": 1, "/token.refresh_token": 1}
EXCHANGED = {"/token": 1, "/token.authorization_code": 1}


async def refresh_impatiently(stage: Stage, faults: dict[str, str]) -> Outcome:
    """The background renews a token, and gives a silent provider up soon."""
    await stage.signed_in()
    stage.switch(faults)
    stage.be_impatient()
    return await stage.renew_in_background()


async def sign_in_without_the_provider(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs in again where nobody answers."""
    await stage.signed_in()
    await asyncio.to_thread(stage.switch, faults)
    return await stage.sign_in()


def unreachable(fault: str, says: str = BROKE, **changes: object) -> Row:
    """The token serves on, and the next try comes by itself (REF-5)."""
    row = Row(
        fault,
        refresh,
        ends="provider_unreachable",
        title="The provider cannot be reached",
        says=says,
        step=BY_ITSELF,
        state="offline",
        keeps="old",
        asked=RENEWED,
        mended="itself",
    )
    return replace(row, **changes)


def lost(fault: str, says: str = BROKE, **changes: object) -> Row:
    """As before, but the server has replaced the refresh token: one try more, then a sign-in (REF-8)."""
    return unreachable(fault, says, mended="sign_in", asked={**RENEWED, "/token.processed": 1}, **changes)


def failed_exchange(fault: str, says: str = BROKE) -> Row:
    """The code is never sent twice (TOK-9)."""
    return unreachable(
        fault,
        says,
        does=sign_in,
        step=AGAIN,
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked=EXCHANGED,
        mended="sign_in",
    )


def redirected(fault: str, target: str) -> Row:
    """Nobody follows, and the other host sees no connection (NET-4)."""
    return Row(
        fault,
        refresh,
        ends="provider_error",
        title="It did not work at the provider",
        says=f"The provider redirects to {target}, which TokenKeep does not follow.",
        step="If the provider has moved, change its address in the configuration.",
        state="failed",
        keeps="old",
        asked={**RENEWED, "trap.connection": 0, "/moved": 0},
        mended="refreshing",
    )


NONSENSE = {"ends": "provider_error", "title": "The provider's answer makes no sense", "step": IN_ITS_PLACE}
ROWS = [
    unreachable("network=cut@/token"),
    unreachable("network=reset@/token"),
    lost("network=cut:0@/token"),
    lost("network=reset:30@/token"),
    unreachable("network=stall@/token", SILENT, does=refresh_impatiently),
    lost("network=stall:10@/token", SILENT, does=refresh_impatiently),
    lost("network=drip:9@/token", SILENT, does=refresh_impatiently),
    lost("network=slow_body:9@/token", SILENT, does=refresh_impatiently),
    failed_exchange("network=cut@/token"),
    failed_exchange("network=cut:0@/token"),
    failed_exchange("network=reset@/token"),
    *(redirected(f"redirect={status}@/token", "{trap}/moved") for status in (301, 302, 303, 307, 308)),
    *(redirected(f"redirect={status}:same@/token", "{issuer}/moved") for status in (301, 302, 303, 307, 308)),
    Row("gzip=good@/token", refresh, asked=RENEWED),
    lost("gzip=broken@/token", "The provider's answer cannot be decompressed.", **NONSENSE),
    lost("gzip=bomb@/token", "The provider's answer is too large.", **NONSENSE),
    Row("set_cookie=on", sign_in, asked={"/token": 1, "/token.cookie_replayed": 0, "/userinfo.cookie_replayed": 0}),
    Row("cache_control=max-age=10", sign_in_again, asked={"/token": 1}),
    Row("date=+600", sign_in, asked={"/token": 1}, shows={"lifetime": 3600.0}),
    Row("date=-600", sign_in, asked={"/token": 1}, shows={"lifetime": 3600.0}),
    Row(
        "clock=+600",
        sign_in,
        ends="provider_error",
        title="It did not work at the provider",
        says="The id_token of Demo was not accepted: it is from the future; "
        "the clock of this computer is … seconds behind the provider's.",
        step="Nothing of this answer was used. Start the sign-in again.",
        state="signed_out",
        serves=False,
        keeps="nothing",
        asked={"/token": 1, "/userinfo": 0},
        mended="sign_in",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_NET_4_NET_5_TOK_9_REF_5_REF_8_OIDC_5_the_connection(stage: Stage, row: Row) -> None:
    trap = stage.demo.issuer
    if "{trap}" in row.says:
        trap = stage.demo.description.get("trap", "")
        row = replace(row, says=row.says.replace("{trap}", trap))
    await hold(row, stage)


REFUSED = unreachable("network=refuse", "127.0.0.1 does not accept a connection.", asked={}, serves=False)


async def test_TOK_9_REF_5_nobody_listens(stage: Stage) -> None:
    await stage.signed_in()
    await asyncio.to_thread(stage.switch, {"network": "refuse"})
    try:
        outcome = await stage.renew_in_background()
    finally:
        await asyncio.to_thread(stage.demo.clear_faults)
    assert outcome == Outcome(REFUSED.ends, REFUSED.title, REFUSED.says, REFUSED.step)
    assert (stage.shown.state, stage.kept, await stage.serves()) == ("offline", "old", True)
    await stage.mend_by_itself()
