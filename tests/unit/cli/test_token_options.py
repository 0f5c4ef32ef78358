"""The short way of `tokenkeep token` reads what the full parser reads, or leaves it to it."""

from __future__ import annotations

import pytest

from tokenkeep.cli.main import secret_in
from tokenkeep.cli.parser import build
from tokenkeep.cli.token import read


@pytest.mark.parametrize(
    "line",
    [
        "github",
        "github --json",
        "--json github --interactive --start",
        "github --min-valid 300 --wait=2.5",
        "github --scope repo --resource https://a --resource=https://b --audience x",
    ],
)
def test_both_readings_agree(line: str) -> None:
    words = line.split()
    short, full = read(words), build().parse_args(["token", *words])
    assert short is not None
    assert short == {name: getattr(full, name) for name in short}


@pytest.mark.parametrize(
    "line",
    ["", "--help", "-h", "a b", "a --min-valid", "a --min-valid x", "a --min-valid ²", "a --wait -1", "a --unknown",
     "a -j", "a --min 5", "a --json=1"],
)  # fmt: skip
def test_what_is_odd_is_left_to_the_full_parser(line: str) -> None:
    assert read(line.split()) is None


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("login github --client-secret X", "--client-secret"),
        ("add x --client-secret=X", "--client-secret"),
        ("edit x --client-secret", None),
        ("edit x --client-secret -", None),
        ("edit x --client-secret=-", None),
        ("edit x --client-secret=", "--client-secret"),
        ("edit x --client-secret --json", "--client-secret"),
        ("--password X", "--password"),
        ("token github --refresh-token X", "--refresh-token"),
        ("unlock --passphrase X", "--passphrase"),
        ("exec github -- tool --password X", None),
        ("token github --json", None),
    ],
)
def test_LEAK_2_a_secret_on_the_command_line_is_noticed(line: str, refused: str | None) -> None:
    assert secret_in(line.split()) == refused
