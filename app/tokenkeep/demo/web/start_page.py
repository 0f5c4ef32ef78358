"""The start page: what can be tried here, with commands that hold this run's values."""

from flask import Blueprint, render_template

from tokenkeep.demo.announcement import settings
from tokenkeep.demo.context import Demo
from tokenkeep.demo.description import describe
from tokenkeep.demo.oauth.clients import USERS
from tokenkeep.demo.web.recipes import RECIPES


def create_blueprint(demo: Demo) -> Blueprint:
    """`GET /`."""
    blueprint = Blueprint("start", __name__)

    @blueprint.get("/")
    def start() -> str:
        description = describe(demo)
        values = settings(description)
        return render_template(
            "index.html",
            demo=description,
            users=USERS,
            recipes=[recipe.with_values(values) for recipe in RECIPES],
        )

    return blueprint
