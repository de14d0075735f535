from openai import OpenAI

client = OpenAI(
    base_url="http://{HOST}:8000/v1",  # 将 {HOST} 替换为您的路由服务主机
    api_key="not-needed"
)

completion = client.chat.completions.create(
    model="Qwen3-32B",
    messages=[{"role": "user", "content": "你好"}],
    temperature=0.7,
    top_p=0.9,
    top_k=50,
    max_tokens=100,
    repetition_penalty=1.0,
    extra_body={"chat_template_kwargs": {}}
)
print(completion.choices[0].message.content)
