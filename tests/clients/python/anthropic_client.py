from anthropic import NOT_GIVEN, Anthropic
from worker import serve


def ask(asked, told):
    retries = {} if asked.retries else {"max_retries": 0}
    client = Anthropic(base_url=asked.url, api_key="not-needed", timeout=asked.timeoutMs / 1000, **retries)
    tool = {
        "name": asked.tool["name"],
        "description": asked.tool["description"],
        "input_schema": asked.tool["parameters"],
    }
    body = {
        "model": asked.model,
        "max_tokens": 50,
        "messages": [{"role": "user", "content": asked.question}],
        "tools": [tool] if asked.tools else NOT_GIVEN,
    }
    if not asked.stream:
        return take(client.messages.create(**body), told)
    with client.messages.stream(**body) as stream:
        for text in stream.text_stream:
            told.texts.append(text)
            if len(told.texts) == asked.leave_after:
                return
        if asked.tools:
            take(stream.get_final_message(), told)


def take(message, told):
    for block in message.content:
        if block.type == "text":
            told.texts.append(block.text)
        if block.type == "tool_use":
            told.toolCalls.append({"name": block.name, "arguments": block.input})


def shown(error):
    """The library has a field for the whole body; its message is the body, with the status before it."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    return {
        "message": str(error),
        "status": getattr(error, "status_code", None),
        "code": inner.get("code") if isinstance(inner, dict) else None,
    }


serve(ask, shown)
