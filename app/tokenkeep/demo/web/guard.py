"""What holds for every request and answer: the Host check, headers, error pages without details."""

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from tokenkeep.demo.context import Demo

# No form-action: Chromium applies it to the redirect after consent too, and that goes to another port.
PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
# An authorization request with all its parameters fits many times.
LARGEST_BODY = 64 * 1024


def install(app: Flask, demo: Demo) -> None:
    """Add the hooks to the application."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    host, control = (address.partition("://")[2] for address in (demo.origin, demo.control))

    @app.before_request
    def right_host() -> Response | None:
        # A foreign name that resolves to 127.0.0.1 must not reach the pages (DNS rebinding).
        if request.host == host:
            return None
        if request.host == control:
            if request.path.startswith(("/faults", "/log", "/static/")):
                return None
            return Response(f"Here are only /faults and /log of {demo.origin}.\n", 421, mimetype="text/plain")
        return Response(f"This server answers only as {host}.\n", 421, mimetype="text/plain")

    @app.after_request
    def headers(response: Response) -> Response:
        static = request.path.startswith("/static/")
        response.headers["Cache-Control"] = "no-cache" if static else "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.headers["X-Frame-Options"] = "DENY"
        return response

    @app.errorhandler(HTTPException)
    def page(error: HTTPException) -> Response:
        status = error.code or 500
        title = {403: "Not accepted", 404: "Nothing here", 405: "Not this way"}.get(status, "That did not work")
        # For these werkzeug's words are about servers and URLs.
        plain = {404: "This address leads nowhere.", 405: "This address is for programs or for a form of a page."}
        text = plain.get(status) or error.description or "The demo provider cannot answer this."
        answer = Response(render_template("error.html", title=title, text=text), status)
        if status == 405 and (allowed := error.get_response().headers.get("Allow")):
            answer.headers["Allow"] = allowed
        return answer
