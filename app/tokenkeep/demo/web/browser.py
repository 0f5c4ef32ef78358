"""Browser sessions and cross-site protection for the pages that people see."""

import hmac
import time

from flask import Request, Response, abort, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.store import BrowserSession


class Browsers:
    """Finds a request's session and writes its cookie."""

    def __init__(self, demo: Demo) -> None:
        self._store = demo.store
        # Cookies do not tell ports apart, so the name does: several demos may run at once.
        self._cookie = "demo_session_" + demo.origin.rpartition(":")[2]

    def session(self) -> BrowserSession:
        """The session of the request being answered; a new one when it has none."""
        found = self._store.sessions.get(request.cookies.get(self._cookie, ""))
        return found or self._store.new_session()

    def keep(self, response: Response, session: BrowserSession) -> Response:
        response.set_cookie(self._cookie, session.key, httponly=True, samesite="Lax", path="/")
        return response

    def end(self, session: BrowserSession) -> None:
        """Log that browser out; its old cookie is worth nothing."""
        with self._store.lock:
            self._store.sessions.pop(session.key, None)

    def forget(self, response: Response) -> Response:
        response.delete_cookie(self._cookie, httponly=True, samesite="Lax", path="/")
        return response


def refuse_forgery(session: BrowserSession, asked: Request) -> None:
    """Abort with 403 unless the form came from one of our own pages of this session."""
    if asked.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, "This form was sent from another site.")
    if not hmac.compare_digest(asked.form.get("csrf", "").encode(), session.csrf.encode()):
        abort(403, "This form is not from this browser session. Go back, load the page again and repeat.")


def must_log_in(session: BrowserSession, wanted: str, *, prompt: str, max_age: str) -> bool:
    """Whether that authorization request needs a new login (OpenID Connect Core §3.1.2.1)."""
    if session.user is None:
        return True
    if session.login_for == wanted:
        return False
    if "login" in prompt.split():
        return True
    return max_age.isdigit() and time.time() - session.auth_time > int(max_age)
