"""The harness itself: its guards go off. Each is tried in a pytest of its own, or with a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.canaries import Canaries, ProcessWatch
from support.processes import end

SECRET = "CANARY-AT-1+2/3"


def run_pytest(folder: Path, text: str, **environment: str) -> str:
    """Run one test file with the plug-ins of this suite and return what pytest printed."""
    support = Path(__file__).parents[1]
    (folder / "conftest.py").write_text(
        'pytest_plugins = ["support.homes", "support.hermetic", "support.logfail", "support.qt", "support.skips"]\n'
    )
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {support}\nmarkers =\n screen\n peer\n")
    (folder / "test_it.py").write_text(text)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:cov", "-rA", "test_it.py"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return result.stdout


def test_an_unexpected_error_in_the_log_fails_a_test_and_an_expected_one_does_not(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        "import logging\n"
        "def test_bad(): logging.getLogger('tokenkeep.engine').error('it broke')\n"
        "def test_good(log_errors):\n"
        "    logging.getLogger('tokenkeep.engine').error('it broke')\n"
        "    assert len(log_errors) == 1\n"
        "def test_foreign(): logging.getLogger('other').error('not ours')\n",
    )
    assert "3 passed, 1 error" in output
    assert "unexpected errors in the log" in output


def test_a_qt_warning_and_an_exception_in_a_slot_fail_a_test(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        "from PySide6.QtCore import QObject, QTimer, Signal, qWarning\n"
        "def test_warning(qapp): qWarning('careful')\n"
        "def test_expected(qapp, qt_warnings):\n"
        "    qWarning('careful')\n"
        "    assert qt_warnings == ['default: careful']\n"
        "class Source(QObject):\n"
        "    happened = Signal()\n"
        "def test_slot(qapp):\n"
        "    source = Source()\n"
        "    source.happened.connect(lambda: 1 / 0)\n"
        "    source.happened.emit()\n",
    )
    assert "3 passed, 2 errors" in output
    assert "ZeroDivisionError" in output


@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 failed, 1 skipped"), ("", "2 skipped")])
def test_in_ci_a_skip_of_what_was_promised_is_a_failure(tmp_path: Path, ci: str, outcome: str) -> None:
    output = run_pytest(
        tmp_path,
        "import pytest\n"
        "@pytest.mark.peer\n"
        "def test_promised(): pytest.skip('nothing there')\n"
        "def test_other(): pytest.skip('nothing there')\n",
        CI=ci,
    )
    assert outcome in output


def test_the_real_home_and_keyring_are_out_of_reach() -> None:
    import keyring.backends.fail

    assert Path.home().parent == Path(os.environ["XDG_RUNTIME_DIR"]).parent.parent
    assert "tk-" in str(Path.home())
    assert isinstance(keyring.core.load_env(), keyring.backends.fail.Keyring)
    assert "DBUS_SESSION_BUS_ADDRESS" not in os.environ


@pytest.mark.parametrize("text", [SECRET, "x=CANARY-AT-1%2B2%2F3;", "Q0FOQVJZLUFULTErMi8z"])
def test_a_secret_is_found_plain_percent_encoded_and_in_base64(canaries: Canaries, tmp_path: Path, text: str) -> None:
    canaries.add(access_token=SECRET)
    (tmp_path / "log").write_text(f"before {text} after")
    with pytest.raises(pytest.fail.Exception, match="access_token") as caught:
        canaries.assert_absent_from_files(tmp_path)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("place", ["arguments", "environment"])
def test_a_secret_in_a_grandchild_is_seen(canaries: Canaries, place: str) -> None:
    canaries.add(code=SECRET)
    grandchild = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    environment = dict(os.environ)
    if place == "arguments":
        grandchild.append(SECRET)
    else:
        environment["LEAK"] = SECRET
    reading, writing = os.pipe()
    code = f"import subprocess; subprocess.run({grandchild!r}, env={environment!r}, stdin={reading})"
    child = subprocess.Popen(
        [sys.executable, "-c", _unreadable(code)], stdout=subprocess.PIPE, pass_fds=[reading], stderr=subprocess.DEVNULL
    )
    try:
        with ProcessWatch(canaries, child.pid) as watch:
            assert child.stdout is not None
            assert child.stdout.readline() == b"up\n"
            watch.look()
        with pytest.raises(AssertionError, match="code 0 in the"):
            watch.assert_nothing_found()
    finally:
        os.close(writing)
        os.close(reading)
        end(child)


def _unreadable(code: str) -> str:
    """The same program with its text in hexadecimal, so that only the grandchild shows the secret."""
    return f"exec(bytes.fromhex({code.encode().hex()!r}).decode())"
