"""An API for language models in OpenAI's shape, whose only model repeats what it is told."""

import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, jsonify, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.resources.faults import guarded
from tokenkeep.demo.resources.protection import Protection

MODELS = ("glm-5", "gpt-4o-mini", "claude-haiku", "llama-4-scout")
SCOPE = "models:use"
# A fixed moment (2026-01-01), so that answers are the same at every run; seconds since the epoch.
CREATED = 1767225600


def _error(status: int, text: str, code: str) -> Response:
    answer = jsonify(error={"message": text, "type": "invalid_request_error", "param": None, "code": code})
    answer.status_code = status
    return answer


def _last_question(messages: object) -> str | None:
    """The text of the last message, or None when that is not a list of messages."""
    if not isinstance(messages, list) or not messages or not all(isinstance(item, dict) for item in messages):
        return None
    content = messages[-1].get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = " ".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _chunk(model: str, delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": CREATED, "model": model}
    return f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n"


def _stream(model: str, content: str) -> Iterator[str]:
    """Server-sent events, one for each word."""
    yield _chunk(model, {"role": "assistant", "content": ""})
    for number, word in enumerate(content.split(" ")):
        yield _chunk(model, {"content": word if number == 0 else " " + word})
    yield _chunk(model, {}, "stop")
    yield "data: [DONE]\n\n"


def _completion(model: str, question: str, content: str) -> dict[str, Any]:
    asked, answered = len(question.split()), len(content.split())
    return {
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered},
    }


def create_blueprint(demo: Demo) -> Blueprint:
    """The routes under `/v1`."""
    blueprint = Blueprint("models", __name__)
    protection = Protection(demo)

    @blueprint.get("/v1")
    @blueprint.get("/v1/models")
    def models() -> Response:
        token = guarded(demo, protection, SCOPE)
        if isinstance(token, Response):
            return token
        listed = [{"id": name, "object": "model", "created": CREATED, "owned_by": "demo"} for name in MODELS]
        return jsonify(object="list", data=listed)

    @blueprint.post("/v1/chat/completions")
    def chat() -> Response:
        token = guarded(demo, protection, SCOPE)
        if isinstance(token, Response):
            return token
        sent = request.get_json(silent=True)
        if not isinstance(sent, dict) or (question := _last_question(sent.get("messages"))) is None:
            return _error(400, "messages must be a list of messages with text.", "invalid_messages")
        model = sent.get("model")
        if model not in MODELS:
            return _error(404, "There is no such model. GET /v1/models lists them.", "model_not_found")
        content = f"{token.family.subject} said: {question}"
        if sent.get("stream") is True:
            return Response(_stream(model, content), content_type="text/event-stream")
        return jsonify(_completion(model, question, content))

    return blueprint
