"""Where a program's own identity comes from, what is said when it is not there, and that nothing is kept."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from support.ci_job import PATH, QUERY, GitHubJob, ProjectedVolume, unsigned_jwt
from support.oauth_values import make_provider
from support.scripted_server import answer, json_answer
from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError, ProviderUnreachable
from tokenkeep.domain.provider import SubjectToken
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import subject_tokens
from tokenkeep.oauth.subject_tokens import Wanted, read, subject_of
from tokenkeep.oauth.transport import Transport

TOKEN = unsigned_jwt(1)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch):
    with GitHubJob() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def get(transport: Transport, *, local: bool = True, **source: Any) -> str:
    provider = make_provider(local=local)
    return read(Wanted(provider, "subject_token", SubjectToken(**source)), transport).reveal()


def refused(transport: Transport, **source: Any) -> Misconfigured:
    with pytest.raises(Misconfigured) as error:
        get(transport, **source)
    assert error.value.key == "providers.example.subject_token"
    assert error.value.hint.endswith("."), "a next step is named"
    return error.value


# --- GitHub Actions ----------------------------------------------------------------------------------------------


def test_GRANT_2_github_actions_is_asked_for_the_audience_anew_each_time(transport, job):
    source = {"source": "github_actions", "audience": "https://auth.example/?a=b&c=d"}
    assert [get(transport, **source), get(transport, **source)] == job.given
    assert len(set(job.given)) == 2
    assert job.requests[0].target == f"{PATH}?{QUERY}&audience=https%3A%2F%2Fauth.example%2F%3Fa%3Db%26c%3Dd"
    assert job.requests[0].header("Authorization") == "Bearer CANARY-REQUEST-TOKEN-0001"


def test_GRANT_2_an_address_without_a_query_gets_one(transport, job, monkeypatch):
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", job.origin + PATH)
    job.reply(PATH, json_answer({"value": TOKEN}))
    get(transport, source="github_actions", audience="x")
    assert job.requests[0].target == f"{PATH}?audience=x"


@pytest.mark.parametrize("name", ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
def test_GRANT_2_outside_of_a_job_the_permission_is_named(transport, job, monkeypatch, name):
    monkeypatch.delenv(name)
    error = refused(transport, source="github_actions", audience="x")
    assert "`permissions: { id-token: write }`" in error.hint
    assert name in error.detail
    assert job.requests == []


def test_GRANT_2_a_refusal_of_github_names_its_status_and_shows_nothing_of_its_body(transport, job):
    job.reply(PATH, json_answer({"message": f"token {TOKEN} is bad"}, 403))
    with pytest.raises(ProviderError, match="status 403") as error:
        get(transport, source="github_actions", audience="x")
    assert "id-token: write" in error.value.hint
    assert "CANARY" not in repr(vars(error.value))


def test_GRANT_2_trouble_at_github_is_transient(transport, job):
    job.reply(PATH, answer(503, "", {"Retry-After": "7"}))
    with pytest.raises(ProviderUnreachable, match="status 503") as error:
        get(transport, source="github_actions", audience="x")
    assert error.value.retry_after == 7.0


@pytest.mark.parametrize("body", [{}, {"value": ""}, {"value": 7}, [], {"value": None}], ids=repr)
def test_GRANT_2_an_answer_without_a_token_is_an_error(transport, job, body):
    job.reply(PATH, json_answer(body))
    with pytest.raises(MalformedAnswer):
        get(transport, source="github_actions", audience="x")


def test_GRANT_3_github_is_asked_over_https_only_and_gets_no_request_otherwise(transport, job):
    with pytest.raises(ProviderError, match="was not sent"):
        get(transport, local=False, source="github_actions", audience="x")
    assert job.requests == []


# --- files -------------------------------------------------------------------------------------------------------


def test_GRANT_2_a_file_is_trimmed_and_read_anew(transport, tmp_path: Path):
    file = tmp_path / "token"
    file.write_text(f"\n {TOKEN} \n")
    assert get(transport, source="file", path=str(file)) == TOKEN
    file.write_text(unsigned_jwt(2))
    assert get(transport, source="file", path=str(file)) == unsigned_jwt(2)


def test_GRANT_2_a_home_folder_may_be_written_short(transport, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_text(TOKEN)
    assert get(transport, source="file", path="~/token") == TOKEN


def test_GRANT_2_kubernetes_rotates_the_projected_file_under_us(transport, tmp_path: Path):
    volume = ProjectedVolume(tmp_path / "volume")
    for number in range(1, 4):
        volume.write(unsigned_jwt(number))
        assert get(transport, source="kubernetes", path=str(volume.path)) == unsigned_jwt(number)


def test_GRANT_2_kubernetes_has_the_usual_path(transport, tmp_path: Path, monkeypatch):
    assert subject_tokens.KUBERNETES_PATH == "/var/run/secrets/tokens/oauth2/token"
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setattr(subject_tokens, "KUBERNETES_PATH", str(tmp_path / "token"))
    assert get(transport, source="kubernetes") == TOKEN


def test_GRANT_2_a_missing_file_says_what_to_check(transport, tmp_path: Path):
    path = str(tmp_path / "none")
    error = refused(transport, source="file", path=path)
    assert (error.detail, error.hint) == (
        f"There is no file {path} to read the subject token from.",
        "Check the path, and whether it is mounted.",
    )
    assert "projected volume" in refused(transport, source="kubernetes", path=path).hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "holds no token"),
        ("ключ".encode(), "holds no token"),
        (b"x" * 70_000, "too large"),
        (b"two words", "is no token"),
        (b"a\r\nX-Injected: 1", "is no token"),
    ],
)
def test_GRANT_2_a_file_with_anything_else_is_named(transport, tmp_path: Path, content, words):
    (tmp_path / "token").write_bytes(content)
    assert words in refused(transport, source="file", path=str(tmp_path / "token")).detail


def test_GRANT_2_what_could_block_for_ever_is_not_opened(transport, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert "no file" in refused(transport, source="file", path=str(tmp_path / "pipe")).detail


@pytest.mark.unprivileged
def test_GRANT_2_a_file_of_somebody_else_says_so(transport, tmp_path: Path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything; this test runs again as another user")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0)
    assert "Permission denied" in refused(transport, source="file", path=str(tmp_path / "token")).detail


# --- environment and command -------------------------------------------------------------------------------------


def test_GRANT_2_the_environment_is_read(transport, monkeypatch):
    monkeypatch.setenv("A_SUBJECT", f" {TOKEN}\n")
    assert get(transport, source="env", name="A_SUBJECT") == TOKEN


@pytest.mark.parametrize("value", [None, "", "  "])
def test_GRANT_2_a_variable_that_is_not_set_is_named(transport, monkeypatch, value):
    if value is not None:
        monkeypatch.setenv("A_SUBJECT", value)
    error = refused(transport, source="env", name="A_SUBJECT")
    assert "A_SUBJECT" in error.detail
    assert "where TokenKeep is started" in error.hint


def test_GRANT_2_a_command_is_run_without_a_shell(transport):
    command = [sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME;`id`"]
    assert get(transport, source="command", command=command) == "$HOME;`id`"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("print('CANARY', file=__import__('sys').stderr); raise SystemExit(1)", "ended with status 1"),
        ("pass", "printed nothing"),
        ("print('x' * 70000)", "printed too much"),
        ("__import__('sys').stdout.buffer.write(b'\\xff')", "printed no text"),
    ],
)
def test_GRANT_2_a_command_that_gives_nothing_is_named_without_what_it_printed(transport, code, words):
    error = refused(transport, source="command", command=[sys.executable, "-c", code])
    assert words in error.detail
    assert "CANARY" not in error.detail
    assert error.hint == "Run the command by hand to see why."


def test_GRANT_2_a_command_that_is_not_there_is_named(transport):
    assert "No such file" in refused(transport, source="command", command=["/no/such/command"]).detail


def test_GRANT_2_a_command_that_hangs_is_ended_with_all_it_started(transport, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(subject_tokens, "COMMAND_LIMIT", 0.5)
    note = tmp_path / "child"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "child.wait()"
    )
    # Whether it got as far as starting a child depends on the machine; that it does not outlive its end must not.
    error = refused(transport, source="command", command=[sys.executable, "-c", code])
    assert "took longer than 0.5 seconds" in error.detail
    if note.exists() and note.read_text():
        _gone(int(note.read_text()))


def _gone(pid: int) -> None:
    """Return when the process has ended; a signal is delivered a moment after it was sent."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            os.sched_yield()


# --- what is shown of a token ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "subject"),
    [
        (TOKEN, "repo:octo/app:ref:refs/heads/main"),
        (unsigned_jwt(1, "a\nb\x1b[31m"), "a b[31m"),
        (unsigned_jwt(1, "x" * 500), "x" * 119 + "…"),
        ("opaque", ""),
        ("a.b.c", ""),
        ("..", ""),
        ("e30.W10.x", ""),
    ],
)
def test_the_subject_of_a_jwt_is_shown_as_one_plain_line(token, subject):
    assert subject_of(Secret(token)) == subject
