"""The line of every key, however it is written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.storage.toml_lines import Path, key_lines

TEXT = '''\
# a comment with [brackets] and = signs
top = 1
[app]  # a comment
theme = "dark"
a.b.c = 1
a.b.d = 2
"quoted key" = 1
'literal.key' = 2
"esc\\u0061ped" = 3

[ spaced . out ]
x = """
not = "a key"
[not.a.table]
\\""" still ""\"""
y = \'\'\'
also = 'none'\'\'\'
z = [
  "a", # comment ] }
  { p = 1, q = { r = "}" } }, [1,
  2],
]
inline = { a = 1, b.c = "x", d = ["]", \'}\'] }
when = 1979-05-27T07:32:00Z
[[access.rule]]
app = "1"
[[access.rule]]
app = "2"
[access.rule.sub]
deep = true
[access]
default = "ask"
'''


def test_every_way_of_writing_a_key_has_its_line() -> None:
    tomllib.loads(TEXT)
    lines = key_lines(TEXT)
    expected: dict[Path, str] = {
        ("top",): "top = 1",
        ("app",): "[app]",
        ("app", "theme"): "theme =",
        ("app", "a", "b", "c"): "a.b.c",
        ("app", "a", "b", "d"): "a.b.d",
        ("app", "quoted key"): '"quoted key"',
        ("app", "literal.key"): "'literal.key'",
        ("app", "escaped"): '"esc',
        ("spaced", "out"): "[ spaced",
        ("spaced", "out", "x"): 'x = """',
        ("spaced", "out", "y"): "y = '''",
        ("spaced", "out", "z", 1, "q", "r"): "  { p = 1",
        ("spaced", "out", "z", 2, 1): "  2],",
        ("spaced", "out", "inline", "b", "c"): "inline",
        ("spaced", "out", "when"): "when",
        ("access", "rule"): "[[access.rule]]",
        ("access", "rule", 0, "app"): 'app = "1"',
        ("access", "rule", 1, "app"): 'app = "2"',
        ("access", "rule", 1, "sub", "deep"): "deep",
        ("access", "default"): "default",
    }
    for path, beginning in expected.items():
        assert TEXT.splitlines()[lines[path] - 1].startswith(beginning), path
    assert not any("not" in path or "also" in path for path in lines)


def paths(value: Any, at: Path = ()) -> set[Path]:
    if isinstance(value, dict):
        return {at} | {path for key, inner in value.items() for path in paths(inner, (*at, key))}
    if isinstance(value, list):
        return {at} | {path for number, inner in enumerate(value) for path in paths(inner, (*at, number))}
    return {at}


values = st.recursive(
    st.text(max_size=8) | st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=6), values, max_size=5))
def test_each_key_of_any_document_is_found(document: dict[str, Any]) -> None:
    text = tomlkit.dumps(document)
    found = key_lines(text)
    assert paths(tomllib.loads(text)) - {()} <= set(found) | {()}
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


@pytest.mark.parametrize(
    "text",
    ["= 1", "a = [1, 2", "a = {", "[", "[[", "a", "a = ", '"""', "]", "a = [,,]", "a = {,}", "a = [}", "[a\nb=1"],
)
def test_what_is_not_toml_ends_all_the_same(text: str) -> None:
    key_lines(text)


@given(st.text(alphabet="ab=[]{}\"'#,.\n \\"))
def test_no_text_hangs_or_breaks_it(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    key_lines(text)
