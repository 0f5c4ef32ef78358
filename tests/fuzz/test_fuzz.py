"""Every reader of foreign input under a fuzzer, for a number of inputs; longer with `make fuzz`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.harness import prepare
from support.parsers import PARSERS

HARNESS = Path(__file__).with_name("harness.py")
without_fuzzer = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="the fuzzer Atheris has packages for some versions of Python on Linux only",
)


def run(name: str, folder: Path, *options: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Feed a reader in a process of its own. :param before: code that runs first, in place of the harness."""
    found = folder / "found"
    found.mkdir()
    arguments = [name, "-seed=1", f"-artifact_prefix={folder}/", *options, str(found), *prepare(name, folder)]
    command = [sys.executable, str(HARNESS), *arguments]
    if before:
        command = [sys.executable, "-c", before, *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, cwd=folder)


@without_fuzzer
@pytest.mark.parametrize("name", PARSERS)
def test_TOK_3_a_fuzzer_finds_nothing(name: str, tmp_path: Path) -> None:
    ended = run(name, tmp_path, f"-runs={PARSERS[name].rounds}")
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-6000:]
    assert "INFO: Instrumenting tokenkeep.oauth" in ended.stderr
    assert f"Done {PARSERS[name].rounds}" in ended.stderr


BROKEN = """
import sys
sys.path[:0] = [{tests!r}, {app!r}]
from fuzz import harness
import support.parsers as parsers
def feed(data):
    if b"scope" in data and data.endswith(b"}}}}"):
        raise KeyError("scope")
from dataclasses import replace
parsers.PARSERS["token_answer"] = replace(parsers.PARSERS["token_answer"], feed=feed)
harness.main(sys.argv[1:])
"""


@without_fuzzer
def test_a_fuzzer_that_finds_something_fails_and_keeps_the_input(tmp_path: Path) -> None:
    tests = HARNESS.parents[1]
    before = BROKEN.format(tests=str(tests), app=str(tests.parent / "app"))
    ended = run("token_answer", tmp_path, "-runs=200000", before=before)
    assert ended.returncode != 0
    assert "KeyError" in ended.stdout + ended.stderr
    assert list(tmp_path.glob("crash-*"))
