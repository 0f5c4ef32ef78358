"""The errors of the client: what the socket's problem documents say (RFC 9457), and that nobody answers."""

from __future__ import annotations

TYPE_CHECKING = False  # the module `typing` costs more to import than a whole token query
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class TokenKeepError(Exception):
    """TokenKeep said no.

    :ivar code: one of the documented codes, such as `sign_in_required`.
    :ivar title: what happened, for people.
    :ivar detail: what happened in this case; may be empty.
    :ivar hint: what to do next; may be empty.
    :ivar status: HTTP status, 0 when there was no answer.
    :ivar sign_in: id of a pending sign-in that would mend it.
    :ivar retry_after: seconds after which another try makes sense.
    """

    def __init__(
        self,
        code: str,
        title: str,
        detail: str = "",
        hint: str = "",
        status: int = 0,
        *,
        provider: str | None = None,
        sign_in: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, title, detail)
        self.code = code
        self.title = title
        self.detail = detail
        self.hint = hint
        self.status = status
        self.provider = provider
        self.sign_in = sign_in
        self.retry_after = retry_after

    def __str__(self) -> str:
        sentences = [text if text.endswith((".", "!", "?")) else f"{text}." for text in self.sentences]
        return " ".join(sentences)

    @property
    def sentences(self) -> list[str]:
        """Title, detail and hint, those that say something."""
        return [text for text in (self.title, self.detail, self.hint) if text]


class NotRunning(TokenKeepError):
    """Nobody listens at the socket."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("not_running", "TokenKeep is not running", detail, "Start it with `tokenkeep`.")


def from_problem(status: int, problem: Mapping[str, Any]) -> TokenKeepError:
    """The error that a problem document describes."""
    return TokenKeepError(
        str(problem.get("code", "failed")),
        str(problem.get("title", f"TokenKeep answered {status}")),
        str(problem.get("detail", "")),
        str(problem.get("hint", "")),
        status,
        provider=problem.get("provider"),
        sign_in=problem.get("sign_in"),
        retry_after=problem.get("retry_after"),
    )
