import litellm
from worker import api_base, cancelled, serve


async def texts(asked):
    stream = await litellm.acompletion(
        model=asked.model,
        api_base=api_base(asked),
        api_key="not-needed",
        messages=[{"role": "user", "content": asked.question}],
        stream=True,
        max_retries=0,
    )
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


serve(cancelled(texts))
