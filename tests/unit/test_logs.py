"""Whatever is logged, at whatever level and by whomever: no secret is in it, and the line is still of use (LEAK-1)."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.canaries import Canaries
from tokenkeep import logs
from tokenkeep.domain.tokens import Secret

TOKEN = "CANARY-AT-0a1B2c3D4e5F6g7H"
NOON = 1_769_860_800.5  # 2026-01-31T12:00:00.5Z

Configure = Callable[..., logs.Logs]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """`logs.configure`, undone after the test."""
    made: list[logs.Logs] = []

    def make(level: str = "trace", log_dir: Path | None = None, stream: io.StringIO | None = None) -> logs.Logs:
        made.append(logs.configure(level, log_dir, wall=lambda: NOON, stream=stream))
        return made[-1]

    yield make
    for one in reversed(made):
        one.close()


SECRET_TEXTS = [
    json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}),
    json.dumps(json.dumps({"refresh_token": TOKEN})),
    json.dumps({"a": {"b": [{"id_token": TOKEN}]}}, indent=1),
    repr({"access_token": TOKEN}),
    repr({"code": [TOKEN], "state": [TOKEN]}),
    repr([("client_secret", TOKEN)]),
    repr({b"subject_token": TOKEN.encode()}),
    f"TokenSet(access_token='{TOKEN}', token_type='Bearer')",
    f"grant_type=refresh_token&refresh_token={TOKEN}&scope=a",
    f"grant_type=authorization_code&code={TOKEN}&code_verifier={TOKEN}",
    f"client_assertion={TOKEN}&client_assertion_type=x",
    f"device_code={TOKEN}",
    f"password={TOKEN}",
    f"assertion={TOKEN}",
    f"actor_token={TOKEN}&actor_token_type=urn:x",
    f"send: b'POST /token HTTP/1.1\\r\\nAuthorization: Basic {TOKEN}\\r\\nAccept: x'",
    f"Authorization: Bearer {TOKEN}",
    f"authorization: token {TOKEN}",
    repr({"Authorization": f"DPoP {TOKEN}", "DPoP": TOKEN}),
    f"sent Bearer {TOKEN} to the resource",
    f"Cookie: demo={TOKEN}; other={TOKEN}",
    f"set-cookie: session={TOKEN}; HttpOnly",
    f"https://user:{TOKEN}@example.org/path",
    f"http://127.0.0.1:1234/callback/abc?code={TOKEN}&state={TOKEN}",
    f"https://example.org/#access_token={TOKEN}",
    f"https:\\/\\/example.org\\/?x={TOKEN}",
    f"tokenkeep://callback?code={TOKEN}",
    f'127.0.0.1 "GET /callback/abc?code={TOKEN}&state={TOKEN} HTTP/1.1" 303',
    f"GET /callback/abc?anything={TOKEN}",
    f"redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback%3Fcode%3D{TOKEN}%26state%3D{TOKEN}",
    f"access_token: {TOKEN}",
    f'{{"access_token": "{TOKEN}',  # cut off
    f'{{"access_token": "x\\"{TOKEN}"}}',  # a quote inside
    f'"client_secret" : "{TOKEN}"',
    f"ghp_{TOKEN.replace('-', '')}",
    f"-----BEGIN EC PRIVATE KEY-----\n{TOKEN}\n-----END EC PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{TOKEN}",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_LEAK_1_a_secret_is_cut_out_of_every_notation(text: str, canaries: Canaries) -> None:
    canaries.add(token=TOKEN, joined=TOKEN.replace("-", ""))
    canaries.assert_absent_from_text(logs.redact(text), "the redacted text")
    assert logs.redact(text) != text


def test_LEAK_1_a_bare_jwt_is_cut_out() -> None:
    jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
    assert logs.redact(f"got {jwt}.") == f"got {logs.MARK}"
    assert logs.redact(f'["{jwt}"]') == f'["{logs.MARK}"]'


@pytest.mark.parametrize(
    "text",
    [
        "session github: state=active, exit code=3, status code 200",
        "code=sign_in_required state=needs_sign_in",
        "token refreshed for github in 3 s",
        "the token endpoint https://example.org:8443/token answered 503",
        "token_type=Bearer",
        '{"token_type": "Bearer", "expires_in": 3600, "scope": "openid"}',
        "could not reach https://example.org/.well-known/openid-configuration",
        "config.toml line 3: `client_secret` does not stand here",
        "refresh token: kept",
        "the code was wrong",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert logs.redact(text) == text


@given(st.text())
def test_redaction_never_fails_and_is_stable(text: str) -> None:
    once = logs.redact(text)
    assert logs.redact(once) == once or logs.MARK in once


@given(
    st.text(alphabet="abcXYZ019-._~", min_size=12), st.sampled_from(["access_token", "refresh_token", "client_secret"])
)
def test_LEAK_1_any_value_of_a_secret_name_is_cut_out(value: str, name: str) -> None:
    assert value not in logs.redact(json.dumps({name: value}))
    assert value not in logs.redact(f"a=b&{name}={value}&c=d")


@pytest.mark.usefixtures("log_errors")
def test_LEAK_1_messages_arguments_exceptions_and_tracebacks_are_redacted_on_every_handler(
    configure: Configure, tmp_path: Path, canaries: Canaries
) -> None:
    canaries.add(token=TOKEN)
    stream = io.StringIO()
    made = configure("trace", tmp_path / "log", stream)
    logger = logging.getLogger("tokenkeep.engine")
    logger.log(logs.TRACE, "form: %s", {"refresh_token": TOKEN})
    logger.debug("secret %s", Secret(TOKEN))
    try:
        try:
            raise ValueError(f"bad answer access_token={TOKEN}")
        except ValueError as error:
            raise RuntimeError(f'{{"id_token": "{TOKEN}"}}') from error
    except RuntimeError:
        logger.exception("the answer of %s failed", f"https://h.example/?code={TOKEN}", stack_info=True)
    made.close()
    canaries.assert_absent_from_files(tmp_path)
    canaries.assert_absent_from_text(stream.getvalue() + "\n".join(made.ring.lines()), "terminal and log page")
    for text in (stream.getvalue(), (tmp_path / "log/tokenkeep.log").read_text(), "\n".join(made.ring.lines())):
        assert "RuntimeError" in text
        assert "ValueError: bad answer access_token=[redacted]" in text
        assert "the answer of https://h.example/?[redacted] failed" in text


def test_LEAK_1_a_record_that_cannot_be_formatted_is_not_printed_as_it_came(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    made = configure("debug", None, stream)
    record = logging.LogRecord("tokenkeep.wrong", logging.DEBUG, __file__, 1, "%d of %s", ("no number", TOKEN), None)
    for handler in logging.getLogger().handlers[-2:]:  # those of `made`: the test runner's own would complain
        handler.handle(record)
    assert TOKEN not in stream.getvalue() + "".join(made.ring.lines()) + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "name", ["requests_oauthlib.oauth2_session", "oauthlib.oauth2", "urllib3.connectionpool", "asyncio"]
)
def test_LEAK_1_libraries_that_log_tokens_stay_capped_at_trace_level(configure: Configure, name: str) -> None:
    made = configure("trace")
    logging.getLogger(name).debug("a token could be here")
    assert not made.ring.lines()


def test_a_quiet_level_holds_for_the_capped_libraries_too(configure: Configure) -> None:
    made = configure("error")
    logging.getLogger("oauthlib").warning("noise")
    assert not made.ring.lines()
    made.set_level("info")
    logging.getLogger("oauthlib").warning("heard")
    assert len(made.ring.lines()) == 1


def test_a_line_says_when_in_utc_by_the_given_clock_how_bad_and_who(configure: Configure) -> None:
    made = configure("info")
    logging.getLogger("tokenkeep.engine.sessions").warning("offline")
    assert made.ring.lines() == ["2026-01-31T12:00:00.500Z warning engine.sessions: offline"]


def test_what_a_server_sent_makes_no_line_and_no_terminal_command_of_its_own(configure: Configure) -> None:
    made = configure("info")
    logging.getLogger("tokenkeep.oauth").info("said: %s", "x\n2026-01-31T12:00:00.000Z error forged\x1b[2J\u2028y")
    (line,) = made.ring.lines()
    assert "\n" not in line
    assert "\x1b" not in line
    assert "\\n2026" in line


def test_the_log_page_has_the_latest_lines_from_a_level_on(configure: Configure) -> None:
    made = logs.configure("debug", None, wall=lambda: NOON, size=3)
    try:
        for number in range(5):
            logging.getLogger("tokenkeep.x").info("line %d", number)
        logging.getLogger("tokenkeep.x").warning("look here")
        assert [line.partition(": ")[2] for line in made.ring.lines()] == ["line 3", "line 4", "look here"]
        assert [line.partition(": ")[2] for line in made.ring.lines("warning")] == ["look here"]
    finally:
        made.close()


@pytest.mark.unprivileged
def test_the_files_are_owner_only_from_birth_and_rotated(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 2_000)
    before = os.umask(0)
    try:
        configure("info", tmp_path / "state/log")
        for number in range(200):
            logging.getLogger("tokenkeep.x").info("line %d", number)
    finally:
        os.umask(before)
    files = sorted((tmp_path / "state/log").iterdir())
    assert len(files) == logs.FILES_KEPT
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert stat.S_IMODE((tmp_path / "state/log").stat().st_mode) == 0o700
    assert "line 199" in (tmp_path / "state/log/tokenkeep.log").read_text()


def test_a_log_folder_that_cannot_be_used_is_told_and_logging_goes_on(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("in the way")
    made = configure("info", tmp_path / "log")
    assert "no log file" in made.problem
    assert any("no log file" in line for line in made.ring.lines())
    assert (tmp_path / "log").read_text() == "in the way"


def test_LEAK_1_an_uncaught_exception_is_printed_redacted(
    configure: Configure, log_errors: list[logging.LogRecord], capfd: pytest.CaptureFixture[str]
) -> None:
    made = configure("info")

    def fail() -> None:
        raise ValueError(f"access_token={TOKEN}")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        sys.unraisablehook(
            SimpleNamespace(exc_type=type(error), exc_value=error, exc_traceback=None, err_msg=None, object=None)  # type: ignore[arg-type]
        )
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len(log_errors) == 3
    assert len([line for line in made.ring.lines() if "nobody expected" in line]) == 3
    assert TOKEN not in "".join(made.ring.lines()) + "".join(capfd.readouterr())


def test_everything_is_taken_back(configure: Configure) -> None:
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers = list(logging.getLogger().handlers)
    logging.getLogger("oauthlib").setLevel(logging.INFO)
    logs.configure("error", None, wall=lambda: NOON).close()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == hooks
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger("oauthlib").level == logging.INFO, "a cap that was there before stays"


@pytest.mark.usefixtures("log_errors")
def test_a_servers_words_in_a_traceback_cannot_move_a_terminals_cursor(configure: Configure) -> None:
    stream = io.StringIO()
    made = configure("trace", None, stream)
    try:
        raise ValueError("gone \x1b[2Jand \x9b31m\rback\n2026-01-31T12:00:00.000Z info engine: all is well")
    except ValueError:
        logging.getLogger("tokenkeep.engine").exception("it failed", stack_info=True)
    made.close()
    said = stream.getvalue() + "\n".join(made.ring.lines())
    assert "gone" in said
    assert not {"\x1b", "\x9b", "\r"} & set(said)
    assert "\n2026-01-31T12:00:00.000Z info" not in said


@pytest.mark.parametrize(
    "line",
    [
        # a name as the value of another member, before the member that matters
        '{"token_type": "DPoP", "access_token": "CANARY-0123456789", "expires_in": 3600}',
        "{'hint': 'refresh_token', 'token': 'CANARY-0123456789'}",
        '"{\\"token_type\\": \\"dpop\\", \\"access_token\\": \\"CANARY-0123456789\\"}"',
        "('access_token', 'CANARY-0123456789')",
        # behind a line break in Python's notation, which ends in a letter
        r"send: b'GET /userinfo HTTP/1.1\r\nAuthorization: Bearer CANARY*0123456789\r\n\r\n'",
        r"b'a\r\nProxy-Authorization: CANARY-0123456789'",
        r"b'a\nSet-Cookie: sid=CANARY-0123456789'",
        r"b'\ncode=CANARY-0123456789&x=1'",
        r"b'\tclient_secret: CANARY-0123456789'",
        r"b'\neyJCANARY0123456789.eyJCANARY0123456789.x'",
        r"b'\nxoxp-CANARY-0123456789'",
    ],
)
def test_LEAK_1_what_stands_before_a_secret_does_not_save_it(line: str) -> None:
    assert "CANARY" not in logs.redact(line)
