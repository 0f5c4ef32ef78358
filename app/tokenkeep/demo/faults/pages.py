"""The addresses `/faults`: JSON for tests, a page with buttons for people."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, jsonify, render_template, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.board import OFF, UnknownFaultError
from tokenkeep.demo.faults.switch import JSON, NUMBER, SIGNED, TEXT, Fault
from tokenkeep.demo.faults.table import AREAS, BY_NAME, FAULTS, Area
from tokenkeep.demo.web.browser import Browsers, refuse_forgery

LONGEST_SEARCH = 100


def _matches(fault: Fault, words: list[str]) -> bool:
    """Whether each word is a requirement id of the switch, or stands in its name, effect or values."""
    # An id is compared whole, and its group: REF-1 is not REF-10.
    ids = {name for id_ in fault.requirements for name in (id_.lower(), id_.lower().partition("-")[0])}
    text = " ".join((fault.name, fault.effect, *fault.values)).lower()
    return all(word in ids or word in text for word in words)


def _found(search: str) -> list[Area]:
    words = search.lower().split()
    kept = [Area(area.title, tuple(f for f in area.faults if _matches(f, words))) for area in AREAS]
    return [area for area in kept if area.faults]


# What a person could type for each kind of value.
EXAMPLES = {NUMBER: "5", SIGNED: "-300", TEXT: "text", JSON: '"5"'}


def free_values(fault: Fault) -> list[str]:
    """The values that a person has to type, or a part of them."""
    return [value for value in fault.values if value.rpartition(":")[2] in EXAMPLES]


def example(fault: Fault) -> str:
    """Something that may be typed for the switch: a free value where there is one, with a count, and with a path."""
    name, colon, kind = [*free_values(fault), fault.values[0]][0].rpartition(":")
    return name + colon + EXAMPLES.get(kind, kind) + ("@/token" if fault.per_path else "") + "*2"


def install_banner(app: Flask, demo: Demo) -> None:
    """Let every page say what is on."""

    @app.context_processor
    def active() -> dict[str, Any]:
        return {"active": demo.faults.snapshot()}


def create_blueprint(demo: Demo) -> Blueprint:
    """`GET` lists, `POST` sets (JSON object, or the page's form), `DELETE` switches all off."""
    blueprint = Blueprint("faults", __name__)
    browsers = Browsers(demo)
    board = demo.faults

    def page(status: int = 200, message: str = "", wrong: str = "") -> Response:
        session = browsers.session()
        search = request.args.get("q", "")[:LONGEST_SEARCH].strip()
        html = render_template(
            "faults.html",
            csrf=session.csrf,
            areas=_found(search),
            search=search,
            number=len(FAULTS),
            free_values=free_values,
            example=example,
            values={name: value.partition("*")[0].partition("@")[0] for name, value in board.snapshot().items()},
            message=message,
            wrong=wrong,
        )
        return browsers.keep(Response(html, status), session)

    def change_by_form() -> Response:
        refuse_forgery(browsers.session(), request)
        name = request.form.get("name", "")
        try:
            if request.form.get("action") == "clear":
                board.clear()
            else:
                # A button with its value comes first, then the field.
                value = request.form.get("value", "").strip() or request.form.get("typed", "").strip()
                board.change({name: value or OFF})
        except UnknownFaultError as error:
            return page(400, str(error), name)
        search = request.args.get("q", "")
        place = f"?{urlencode({'q': search})}" if search else ""
        return Response("", 303, {"Location": f"/faults{place}" + (f"#{name}" if name in BY_NAME else "")})

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
