"""What the documentation names exists, and its links lead somewhere."""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

import pytest

from support.markdown import ROOT, Document, document, documents, words
from tokenkeep.api.routes import ROUTES
from tokenkeep.domain import errors
from tokenkeep.domain.session import TRANSITIONS, OverallState, SessionEvent, SessionState
from tokenkeep.oauth.texts import ERROR_STEPS, ERROR_TEXTS

every_document = pytest.mark.parametrize("doc", documents(), ids=lambda doc: doc.name)
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|toml|md|sh|svg|png|html|mjs|txt)|[\w.-]+(?:/[\w.-]+)*/")
# Files that a running TokenKeep or a person makes; they are in no checkout.
MADE = {"config.toml", "DIR/config.toml", ".venv/", "dist/", "log/", "run/"}
# Where an absolute path in a text may begin: the system's own folders, addresses of the API, the person Ada.
ABSOLUTE = re.compile(r"(?<![\w.:~$}/>-])/(?!/)([a-z][\w-]*)(/[a-z]+)?")
BEGINNINGS = {
    "usr",
    "etc",
    "proc",
    "run",
    "tmp",
    "dev",
    "v1",
    "callback",
    "path",
    "authorize",
    "device",
    "faults",
    "log",
    "tenant",
    "token",
    "oauth2",
    "jwks",
    "realms",
}


@every_document
def test_links_lead_to_files_and_headings(doc: Document) -> None:
    broken = []
    for link in doc.links:
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (doc.path.parent / place).resolve() if place else doc.path
        if not target.exists() or (anchor and anchor not in Document(target).anchors):
            broken.append(link)
    assert not broken


@every_document
def test_named_files_exist(doc: Document) -> None:
    named = {span for span in doc.spans if FILE.fullmatch(span)} - MADE
    places = [ROOT, ROOT / "app", ROOT / "app/tokenkeep", doc.path.parent]
    assert not [name for name in sorted(named) if not any((place / name).exists() for place in places)]


@every_document
def test_no_path_of_a_machine_and_no_package_registry_is_named(doc: Document) -> None:
    plain = re.sub(r"https?://\S+", "", doc.text)
    found = {match[0] for match in ABSOLUTE.finditer(plain) if match[1] not in BEGINNINGS}
    assert found <= {"/home/ada", "/var/run"}  # the latter is in every pod
    assert not re.search(r"\b(?:pypi|npmjs|pythonhosted)\.|--index-url|--registry", doc.text)


@every_document
def test_named_routes_exist(doc: Document) -> None:
    if doc.name == "docs/api.md":
        pytest.skip("is held to the routes by a test of its own")
    known = {(route.method, route.path) for route in ROUTES}
    code = "\n".join([*doc.spans, *doc.blocks()])
    named = set(re.findall(r"\b(GET|POST|DELETE|PATCH|PUT) (/v1/[\w/{}.-]+)", code))
    assert named <= known


def test_the_table_of_states_is_the_one_of_the_program() -> None:
    table = document("docs/architecture.md").table("A session and its states")
    written = {}
    for event, _, before, after in table:
        (name,) = words(event)
        for state in words(before):
            written[SessionState(state), SessionEvent(name)] = words(after)
    back = written.pop((SessionState.SIGNING_IN, SessionEvent.SIGN_IN_ABANDONED))
    assert back == []  # it leads to no state of its own
    del written[SessionState.SIGNING_IN, SessionEvent.SIGNED_IN]
    of_program = {key: [target.value] for key, target in TRANSITIONS.items() if key[0] is not SessionState.SIGNING_IN}
    assert written == of_program
    assert [words(row[0])[0] for row in table] == [event.value for event in SessionEvent]


def test_the_table_of_overall_states_is_complete() -> None:
    section = document("docs/architecture.md").section("A session and its states")
    overall = section.partition("The overall state")[2]
    assert re.findall(r"^\| `(\w+)` \|", overall, re.MULTILINE) == ["locked", "needs_you", "offline", "working", "ok"]
    assert {state.value for state in OverallState} == {"locked", "needs_you", "offline", "working", "ok"}


def test_the_table_of_rooms_is_that_of_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    held = {
        (number, room.strip().removeprefix("tokenkeep."))
        for number, layer in enumerate(reversed(layers), 1)
        for room in layer.split(":")
    }
    rows = document("docs/architecture.md").table("Rooms and layers")
    assert {(int(row[0]), words(row[1])[0]) for row in rows} == held


def _kinds(error: type[errors.TokenKeepError]) -> list[type[errors.TokenKeepError]]:
    return [error, *(found for kind in error.__subclasses__() for found in _kinds(kind))]


KINDS = [kind for kind in _kinds(errors.TokenKeepError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_its_heading_with_status_and_title(kind: type[errors.TokenKeepError]) -> None:
    section = document("docs/troubleshooting.md").section(kind.code)
    assert f"Status {kind.status}." in section
    if kind is not errors.TokenKeepError:
        subject = kind.title.removeprefix("The provider ").removeprefix("The provider's ")
        assert subject.lower() in section.lower()


def test_troubleshooting_has_no_code_that_does_not_exist() -> None:
    codes = re.findall(r"^### (.+)$", document("docs/troubleshooting.md").section("Error codes"), re.MULTILINE)
    assert sorted(codes) == sorted({kind.code for kind in KINDS})


def test_the_table_of_the_standards_errors_has_the_programs_words() -> None:
    section = document("docs/troubleshooting.md").section("provider_error")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    assert {code: says for code, says, _ in rows} == ERROR_TEXTS
    assert {code: step for code, _, step in rows if code in ERROR_STEPS} == ERROR_STEPS


def test_pictures_are_small_and_have_words() -> None:
    for doc in documents():
        for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", doc.prose):
            assert len(alt) > 10
            assert Path(doc.path.parent / target).stat().st_size < 500_000


def _command_parser() -> argparse.ArgumentParser:
    from tokenkeep.cli.parser import build

    return build()


COMMANDS = next(
    action.choices for action in _command_parser()._actions if isinstance(action, argparse._SubParsersAction)
)


@every_document
def test_named_commands_and_their_options_exist(doc: Document) -> None:
    code = "\n".join([*doc.spans, *doc.blocks("sh")])
    for name, rest in re.findall(r"\btokenkeep ([a-z][\w-]*)([^\n|;)#&]*)", code):
        assert name in COMMANDS, f"tokenkeep {name}"
        if name == "demo":
            files = ["demo_run.py", "demo/__main__.py"]
            known = re.findall(r'"(--[\w-]+)"', "".join((ROOT / "app/tokenkeep" / file).read_text() for file in files))
        else:
            known = COMMANDS[name].format_help()
        for option in re.findall(r"(?<!\S)--[\w-]+", rest):
            assert option in known, f"tokenkeep {name} {option}"


def test_every_command_is_in_the_changelog() -> None:
    listed = document("CHANGELOG.md").spans
    assert [name for name in COMMANDS if name not in ("run", *listed)] == []
