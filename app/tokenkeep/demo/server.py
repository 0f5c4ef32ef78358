"""The demo provider as a web application, and the threaded loopback server that runs it."""

import logging
import socket
from typing import Any

from flask import Flask, render_template
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults import pages as fault_pages
from tokenkeep.demo.faults.board import FaultBoard
from tokenkeep.demo.oauth import authorize, identity, metadata, token_endpoint
from tokenkeep.demo.oauth.authorization_server import AuthorizationServer
from tokenkeep.demo.oauth.clients import CLIENT_ID, SCOPES, USERS
from tokenkeep.demo.options import Options
from tokenkeep.demo.resources import notes
from tokenkeep.demo.web import device_pages, guard, log

LOOPBACK = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """Writes nothing: query strings hold codes, and `/log` has what tests need."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        pass


def create_app(demo: Demo) -> Flask:
    """The application of one demo provider."""
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.logger.setLevel(logging.ERROR)
    # Authlib writes tokens to its debug log.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    guard.install(app, demo)
    server = AuthorizationServer(app, demo)
    app.register_blueprint(log.create_blueprint(demo.log))
    app.register_blueprint(fault_pages.create_blueprint(demo))
    app.register_blueprint(metadata.create_blueprint(demo))
    app.register_blueprint(authorize.create_blueprint(demo, server))
    app.register_blueprint(token_endpoint.create_blueprint(demo, server))
    app.register_blueprint(device_pages.create_blueprint(demo))
    app.register_blueprint(identity.create_blueprint(demo))
    app.register_blueprint(notes.create_blueprint(demo))

    @app.get("/")
    def index() -> str:
        return render_template("index.html", issuer=demo.issuer, users=USERS, active=demo.faults.snapshot())

    return app


class DemoServer:
    """A bound and running-to-be server; raises OSError when the port is taken, UnknownFaultError for a bad fault."""

    def __init__(self, options: Options) -> None:
        board = FaultBoard(dict(options.faults))
        # Bound here rather than by werkzeug, which prints and exits when the port is taken.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind((LOOPBACK, options.port))
            listener.listen(128)
            port = listener.getsockname()[1]
            self.demo = Demo(issuer=f"http://{LOOPBACK}:{port}", options=options, faults=board)
            self._server: BaseWSGIServer = make_server(
                LOOPBACK,
                port,
                create_app(self.demo),
                threaded=True,
                request_handler=_QuietHandler,
                fd=listener.fileno(),
            )

    def description(self) -> dict[str, Any]:
        """What a client or test needs to know; the line printed at the start."""
        issuer = self.demo.issuer
        return {
            "issuer": issuer,
            "resource": self.demo.resource,
            "whoami": f"{self.demo.resource}/whoami",
            "client_id": CLIENT_ID,
            "users": [{"username": user.username, "password": user.password, "name": user.name} for user in USERS],
            "scopes": list(SCOPES),
        }

    def serve(self) -> None:
        """Answer requests until stop()."""
        self._server.serve_forever()

    def stop(self) -> None:
        """End serve(); called from another thread."""
        self.demo.faults.close()
        self._server.shutdown()
