"""What the provider says of its own token: the rows of `introspection` (INTRO-1)."""

from __future__ import annotations

from typing import Any

import pytest

from integration.faults.conftest import OpenStage
from support.demo_provider import DemoProvider
from support.fault_rows import Row, hold
from support.fault_stage import Outcome, Stage
from tokenkeep.domain.access import OWN_WINDOW

REFUSED = "Demo does not let this client ask about tokens."
SILENT = "Demo did not answer whether the token is active."
NO_JSON = "The provider answered with status {} and {}"
NOTHING = "nothing that TokenKeep understands."


async def look(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person looks at what the provider says of the token; the reason and the state."""
    await stage.signed_in()
    stage.switch(faults)
    seen = await stage.bench.engine.seen_tokens("p", OWN_WINDOW, introspect=True)
    assert seen.introspection is not None
    assert stage.demo.count("/introspect") == 1
    return Outcome("done", says=seen.introspection["reason"], words=seen.introspection["state"])


def told(value: str, reason: str, state: str = "unknown") -> Row:
    """Whatever is said, the session is as it was: the token is served and the refresh token kept."""
    return Row(f"introspection={value}", look, says=reason, words=state, keeps="old", asked={"/token": 0})


ROWS = [
    *(told(value, SILENT) for value in ("text_active", "number_active", "no_active", "array")),
    told("inactive", "", "inactive"),
    told("401", "Demo does not let this client ask about tokens."),
    told("400", NO_JSON.format(400, NOTHING)),
    told("403", NO_JSON.format(403, NOTHING)),
    told("429", "The provider was asked too often and wants a pause (status 429)."),
    *(told(str(code), f"The provider does not work at the moment (status {code}).") for code in (500, 503)),
    *(told(value, NO_JSON.format(200, "a body that is not JSON.")) for value in ("html", "empty")),
]


@pytest.fixture
async def confidential(open_stage: OpenStage, demo: DemoProvider, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A client that has a secret: this provider lets nobody else ask."""
    client: dict[str, Any] = demo.description["clients"]["confidential"]
    monkeypatch.setenv("INTROSPECTION_SECRET", client["client_secret"])
    return await open_stage(client_id=client["client_id"], client_secret={"env": "INTROSPECTION_SECRET"})


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_INTRO_1_what_the_provider_says_changes_nothing_here(confidential: Stage, row: Row) -> None:
    await hold(row, confidential)


async def test_INTRO_1_a_good_answer_is_told(confidential: Stage) -> None:
    assert (await look(confidential, {})) == Outcome("done", words="active")


async def test_INTRO_1_a_client_without_a_secret_may_not_ask(stage: Stage) -> None:
    assert (await look(stage, {})) == Outcome("done", says=REFUSED, words="unknown")
    assert await stage.serves()
