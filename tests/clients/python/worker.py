"""What every Python client has in common: a line of JSON asks, a line of JSON says what came of it."""

import json
import sys
from types import SimpleNamespace

UNSAID = {"temperature": None, "leaveAfter": None}
FIELDS = {"status_code": "status", "code": "code", "param": "param"}


def openai_shown(error):
    """The fields that OpenAI's library gives its errors, and others after it."""
    shown = {ours: getattr(error, theirs, None) for theirs, ours in FIELDS.items()}
    return {"message": str(error), **shown}


def add_piece(calls, piece):
    """Adds a piece of a tool call to those that came before."""
    if piece.index == len(calls):
        calls.append({"name": "", "arguments": ""})
    calls[piece.index]["name"] += piece.function.name or ""
    calls[piece.index]["arguments"] += piece.function.arguments or ""


def read_calls(calls):
    return [{**call, "arguments": json.loads(call["arguments"])} for call in calls]


def serve(ask, shown=openai_shown):
    """Answers until standard input ends. Libraries may print: that goes where errors go."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        told = SimpleNamespace(texts=[], toolCalls=[], error=None)
        try:
            ask(SimpleNamespace(**{**UNSAID, **json.loads(line)}), told)
        except Exception as error:
            told.error = shown(error)
        told = {key: value for key, value in vars(told).items() if value is not None}
        print(json.dumps(told), file=answers, flush=True)
