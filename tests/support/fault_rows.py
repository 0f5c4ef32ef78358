"""Promises as rows: a fault switch, what is done meanwhile, and what TokenKeep says, keeps and sends."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from support.fault_stage import Outcome, Stage
from tokenkeep.domain.provider import default_callback_path

Operation = Callable[[Stage, dict[str, str]], Awaitable[Outcome]]
Mending = Literal["", "sign_in", "sign_in_later", "browser", "code", "itself", "asking", "refreshing"]

# What no text, event or log line may hold: tokens, codes, raw bodies of the demo provider, and our own insides.
COUNTED = re.compile(r"[0-9]+ (?=seconds (?:behind|ahead of) the provider)")  # by clocks that tick meanwhile
NEVER = (
    "demo-at-",
    "demo-rt-",
    "demo-not-a-token",
    "demo-cs:",
    "eyJhbGciOi",
    "told to fail",
    "<!doctype",
    "Traceback",
    "object at 0x",
)


@dataclass(frozen=True)
class Row:
    """What TokenKeep promises while a fault switch is on.

    :param fault: `switch=value`; further switches may follow, the row is about the first.
    :param does: what is done while it is on.
    :param ends: `done`, the error's code, or the state of a sign-in that goes on waiting.
    :param title, says, step: the error for people, to the letter; `{callback}` stands for the redirect address
        without its port in `step`, `{issuer}` for the provider's address,
        `{ISSUER}` for the same with its scheme in capitals.
    :param words: what is shown as the server's own words.
    :param state: the session's state afterwards.
    :param serves: a program gets a token that the resource takes, at once.
    :param keeps: the refresh token that a next run would have.
    :param asked: counters of the provider's log.
    :param shows: more that can be seen, by the names of `Stage.seen`.
    :param mended: what brings a good token once the fault is gone; empty where nothing is wrong.
    """

    fault: str
    does: Operation
    ends: str = "done"
    title: str = ""
    says: str = ""
    step: str = ""
    words: str = ""
    state: str = "active"
    serves: bool = True
    keeps: Literal["nothing", "old", "new"] = "new"
    asked: Mapping[str, int] = field(default_factory=dict)
    shows: Mapping[str, object] = field(default_factory=dict)
    mended: Mending = ""

    @property
    def faults(self) -> dict[str, str]:
        """The switches to set."""
        pairs = (one.partition("=") for one in self.fault.split(" "))
        return {name: value for name, _, value in pairs}

    @property
    def covers(self) -> tuple[str, str]:
        """The switch and the value that this row is about, a count of times left out."""
        name, _, value = self.fault.split(" ")[0].partition("=")
        return name, value.partition("*")[0]

    def __str__(self) -> str:
        return f"{self.fault}, {self.does.__name__}"


async def hold(row: Row, stage: Stage) -> None:
    """Run a row's operation and hold it to everything that the row promises."""
    outcome = await row.does(stage, row.faults)
    found = {
        **asdict(replace(outcome, says=COUNTED.sub("… ", outcome.says))),
        "state": stage.shown.state.value,
        "serves": await stage.serves(),
        "keeps": stage.kept,
        "asked": {counter: stage.demo.count(counter) for counter in row.asked},
        "shows": {name: stage.seen(name) for name in row.shows},
    }
    issuer = stage.demo.issuer
    promised = {
        "ends": row.ends,
        "title": row.title,
        "says": row.says.replace("{issuer}", issuer).replace("{ISSUER}", issuer.replace("http:", "HTTP:")),
        "step": row.step.replace("{callback}", f"http://127.0.0.1{default_callback_path(issuer)}"),
        "words": row.words,
        "state": row.state,
        "serves": row.serves,
        "keeps": row.keeps,
        "asked": dict(row.asked),
        "shows": dict(row.shows),
    }
    assert not (wrong := {name: (found[name], promised[name]) for name in found if found[name] != promised[name]}), (
        wrong
    )
    _check_texts(outcome, stage)
    stage.demo.clear_faults()
    if row.mended:
        await getattr(stage, f"mend_by_{row.mended}")()
        assert (stage.shown.state.value, await stage.serves()) == ("active", True)
        assert stage.kept != "nothing" or stage.machine
    _check_texts(outcome, stage)


def _check_texts(outcome: Outcome, stage: Stage) -> None:
    """An error has a title, a sentence and a next step; nothing that is shown or logged holds a secret."""
    if outcome.title:
        assert outcome.says.endswith("."), outcome.says
        assert outcome.step.endswith((".", "?")), f"no next step after: {outcome.says}"
    shown = "\n".join([repr(outcome), repr(stage.bench.engine.snapshot()), *map(repr, stage.bench.events)])
    logged = "\n".join(stage.log())
    for secret in (*NEVER, *stage.secrets):
        assert secret not in shown, "a secret is shown"
        assert secret not in logged, "a secret is logged"


# --- what is done while a fault is on --------------------------------------------------------------------------


async def sign_in(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs in with the browser."""
    stage.switch(faults)
    return await stage.sign_in()


async def sign_in_again(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person who is signed in does it once more."""
    await stage.signed_in()
    stage.switch(faults)
    return await stage.sign_in()


async def sign_in_by_code(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs in with a code and confirms it before the first poll."""
    stage.switch(faults)
    return await stage.sign_in_by_code()


async def refresh(stage: Stage, faults: dict[str, str]) -> Outcome:
    """The background renews a token that is still good."""
    await stage.signed_in()
    stage.switch(faults)
    return await stage.renew_in_background()


async def ask(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A program asks for a token that has run out."""
    await stage.signed_in()
    stage.switch(faults)
    stage.run_out()
    return await stage.ask()


async def sign_out(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs out."""
    await stage.signed_in()
    stage.switch(faults)
    return await stage.sign_out()
