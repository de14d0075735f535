import litellm
from worker import add_piece, api_base, read_calls, serve

litellm.suppress_debug_info = True


def ask(asked, told):
    answer = litellm.completion(
        model=asked.model,
        api_base=api_base(asked),
        api_key="not-needed",
        messages=[{"role": "user", "content": asked.question}],
        temperature=asked.temperature,
        tools=[{"type": "function", "function": asked.tool}] if asked.tools else None,
        stream=asked.stream,
        timeout=asked.timeoutMs / 1000,
        **({} if asked.retries else {"max_retries": 0}),
    )
    if asked.stream:
        return read_stream(answer, asked, told)
    message = answer.choices[0].message
    if message.content:
        told.texts.append(message.content)
    calls = [call.function for call in message.tool_calls or []]
    told.toolCalls = read_calls([{"name": c.name, "arguments": c.arguments} for c in calls])


def read_stream(stream, asked, told):
    calls = []
    for chunk in stream:
        delta = chunk.choices[0].delta
        if delta.content:
            told.texts.append(delta.content)
        for piece in delta.tool_calls or []:
            add_piece(calls, piece)
        if len(told.texts) == asked.leave_after:
            return stream.close()
    told.toolCalls = read_calls(calls)


serve(ask)
