"""Strict reading of what callers send: JSON bodies (RFC 8259) and query strings, anything odd is a bad request."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from tokenkeep.domain.errors import BadRequest

NESTING = 16  # no body of the contract is deeper than three
PARAMETERS = 64
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")

Model = TypeVar("Model", bound=BaseModel)


def read_body(model: type[Model], body: bytes, content_type: bytes | None) -> Model:
    """The body as a value of the contract; members it does not know are ignored.

    :raises BadRequest: naming what is wrong with it.
    """
    if body or content_type is not None:
        _check_content_type(content_type)
    value = parse(body) if body else {}
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"{name or 'The body'}: {first['msg']}.") from None


def parse(body: bytes) -> Any:
    """One JSON value: no duplicate members, no NaN, no lone surrogates, no NUL, bounded nesting.

    :raises BadRequest: it is something else.
    """
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite_float
        )
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except ValueError as error:
        reason = str(error) if isinstance(error, _Refused) else "The body is not JSON."
        raise BadRequest(reason) from None
    _check(value, NESTING)
    return value


class _Refused(ValueError):
    """JSON that others would accept."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused("A member is given twice.")
    return members


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON number.")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused("A number is too large.")
    return value


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, list | dict):
        if depth == 0:
            raise BadRequest("The body is nested too deeply.")
        inner: Iterable[object] = value if isinstance(value, list) else (*value.keys(), *value.values())
        for each in inner:
            _check(each, depth - 1)


def check_text(text: str) -> str:
    """The text itself, when it is one that can be passed on.

    :raises BadRequest: it has a NUL or half a character.
    """
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise BadRequest("A text has characters that are none.")
    return text


def _check_content_type(content_type: bytes | None) -> None:
    kind, _, parameter = (content_type or b"").lower().replace(b" ", b"").partition(b";")
    if kind != b"application/json" or parameter not in (b"", b"charset=utf-8", b'charset="utf-8"'):
        raise BadRequest("A body is sent as application/json.", hint="Set the header Content-Type.")


class Query:
    """The parameters of a query string; each may come once, unless it is asked for with `all`."""

    __slots__ = ("_values",)

    def __init__(self, query: str) -> None:
        """Take it apart.

        :raises BadRequest: it is not UTF-8, or has too many parameters.
        """
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS)
        except ValueError:
            raise BadRequest("The query cannot be read.") from None
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(check_text(value))

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may be repeated."""
        return tuple(self._values.get(name, ()))

    def text(self, name: str, default: str = "") -> str:
        """The value of a parameter that may come once."""
        values = self._values.get(name)
        if values is None:
            return default
        if len(values) > 1:
            raise BadRequest(f"{name} is given twice.")
        return values[0]

    def number(self, name: str, default: float, most: float) -> float:
        """A number from 0 to `most`."""
        text = self.text(name, "")
        if name not in self._values:
            return default
        if not NUMBER.fullmatch(text) or float(text) > most:
            raise BadRequest(f"{name} is a number from 0 to {most:g}.")
        return float(text)

    def flag(self, name: str) -> bool:
        """`true` or `false`, the default."""
        text = self.text(name, "false")
        if text not in ("true", "false"):
            raise BadRequest(f"{name} is true or false.")
        return text == "true"
