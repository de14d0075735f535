"""What every Python client has in common: a line of JSON asks, a line of JSON says what came of it."""

import asyncio
import json
import sys
from threading import Thread
from types import SimpleNamespace

FIELDS = {"status_code": "status", "code": "code", "param": "param"}


def api_base(asked):
    """What litellm is to put a path behind; what it adds for Anthropic's API begins with /v1."""
    return asked.url if asked.model.startswith("anthropic/") else f"{asked.url}/v1"


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


def cancelled(texts_of):
    """Of a stream of texts, a client whose task is cancelled while it waits for the next."""
    loop = asyncio.new_event_loop()  # It runs on: its end must not be what ends a connection.
    Thread(target=loop.run_forever, daemon=True).start()

    async def ask(asked, told):
        enough = asyncio.Event()

        async def read():
            async for text in texts_of(asked):
                told.texts.append(text)
                if len(told.texts) == asked.leave_after:
                    enough.set()

        reading = asyncio.create_task(read())
        await enough.wait()
        reading.cancel()
        await asyncio.wait([reading])

    return lambda *args: asyncio.run_coroutine_threadsafe(ask(*args), loop).result()


def serve(ask, shown=openai_shown):
    """Answers until standard input ends. Libraries may print: that goes where errors go."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        asked = SimpleNamespace(**{"temperature": None, "leave": {}, **json.loads(line)})
        asked.leave_after = asked.leave.get("after")
        told = SimpleNamespace(texts=[], toolCalls=[], error=None)
        try:
            ask(asked, told)
        except Exception as error:
            told.error = shown(error)
        told = {key: value for key, value in vars(told).items() if value is not None}
        print(json.dumps(told), file=answers, flush=True)
