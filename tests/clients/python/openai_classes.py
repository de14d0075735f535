"""Which class an error is of, and what OpenAI's library has fields for."""

import sys

from openai import BadRequestError, InternalServerError, OpenAI

client = OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="not-needed", max_retries=0)
messages = [{"role": "user", "content": "hi"}]

for kind, wrong in [
    (BadRequestError, {"model": "Qwen3-32B", "temperature": 5}),
    (InternalServerError, {"model": "nobody"}),
]:
    try:
        client.chat.completions.create(messages=messages, **wrong)
    except kind as error:
        print(error.status_code, error.code, error.param, len(error.request_id) > 10)

print([model.id for model in client.models.list()])
