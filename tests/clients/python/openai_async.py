from openai import AsyncOpenAI
from worker import cancelled, serve


async def texts(asked):
    client = AsyncOpenAI(base_url=f"{asked.url}/v1", api_key="not-needed", max_retries=0)
    stream = await client.chat.completions.create(
        model=asked.model,
        messages=[{"role": "user", "content": asked.question}],
        stream=True,
    )
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


serve(cancelled(texts))
