from openai import NOT_GIVEN, OpenAI
from worker import add_piece, read_calls, serve


def ask(asked, told):
    retries = {} if asked.retries else {"max_retries": 0}
    client = OpenAI(base_url=f"{asked.url}/v1", api_key="not-needed", timeout=asked.timeoutMs / 1000, **retries)
    tools = [{"type": "function", "function": asked.tool}] if asked.tools else NOT_GIVEN
    answer = client.chat.completions.create(
        model=asked.model,
        messages=[{"role": "user", "content": asked.question}],
        temperature=NOT_GIVEN if asked.temperature is None else asked.temperature,
        tools=tools,
        stream=asked.stream,
    )
    if asked.stream:
        with answer:
            read_stream(answer, asked, told)
        return
    message = answer.choices[0].message
    if message.content:
        told.texts.append(message.content)
    told.toolCalls = read_calls([call.function.to_dict() for call in message.tool_calls or []])


def read_stream(stream, asked, told):
    calls = []
    for chunk in stream:
        delta = chunk.choices[0].delta
        if delta.content:
            told.texts.append(delta.content)
        for piece in delta.tool_calls or []:
            add_piece(calls, piece)
        if len(told.texts) == asked.leave_after:
            return
    told.toolCalls = read_calls(calls)


serve(ask)
