"""A client that does not wait for the first token."""

import sys

from openai import APITimeoutError, OpenAI

client = OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="not-needed", max_retries=0, timeout=0.3)
try:
    client.chat.completions.create(model="Qwen3-32B", messages=[{"role": "user", "content": "hi"}])
except APITimeoutError:
    print("gave up")
