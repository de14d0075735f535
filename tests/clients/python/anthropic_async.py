from anthropic import AsyncAnthropic
from worker import cancelled, serve


async def texts(asked):
    client = AsyncAnthropic(base_url=asked.url, api_key="not-needed", max_retries=0)
    messages = [{"role": "user", "content": asked.question}]
    async with client.messages.stream(
        model=asked.model, max_tokens=50, messages=messages
    ) as stream:
        async for text in stream.text_stream:
            yield text


serve(cancelled(texts))
