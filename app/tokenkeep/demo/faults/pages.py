"""The addresses `/faults`: JSON for tests, a page with a form for people."""

from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.board import UnknownFaultError
from tokenkeep.demo.faults.table import FAULTS
from tokenkeep.demo.web.browser import Browsers, refuse_forgery


def create_blueprint(demo: Demo) -> Blueprint:
    """`GET` lists, `POST` sets (JSON object, or the page's form), `DELETE` switches all off."""
    blueprint = Blueprint("faults", __name__)
    browsers = Browsers(demo)
    board = demo.faults

    def page(status: int = 200, message: str = "") -> Response:
        session = browsers.session()
        html = render_template(
            "faults.html", csrf=session.csrf, faults=FAULTS, active=board.snapshot(), message=message
        )
        return browsers.keep(Response(html, status), session)

    def change_by_form() -> Response:
        refuse_forgery(browsers.session(), request)
        try:
            if request.form.get("action") == "clear":
                board.clear()
            else:
                board.change({request.form.get("name", ""): request.form.get("value", "").strip()})
        except UnknownFaultError as error:
            return page(400, str(error))
        return Response("", 303, {"Location": "/faults"})

    @blueprint.get("/faults")
    def read() -> Response:
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
            return page()
        table: list[dict[str, Any]] = [vars(fault) for fault in FAULTS]
        return jsonify(active=board.snapshot(), faults=table)

    @blueprint.post("/faults")
    def change() -> Response | tuple[Response, int]:
        if request.mimetype == "application/x-www-form-urlencoded":
            return change_by_form()
        # A JSON content type cannot be sent cross-site without a preflight, and this server answers none.
        wanted = request.get_json(silent=True) if request.is_json else None
        if not isinstance(wanted, dict) or not all(v is None or isinstance(v, str | int) for v in wanted.values()):
            return jsonify(error="Send a JSON object of fault names and values."), 400
        try:
            board.change({name: None if value is None else str(value) for name, value in wanted.items()})
        except UnknownFaultError as error:
            return jsonify(error=str(error)), 400
        return jsonify(active=board.snapshot())

    @blueprint.delete("/faults")
    def clear() -> tuple[str, int]:
        board.clear()
        return "", 204

    return blueprint
