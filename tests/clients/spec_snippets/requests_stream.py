import requests
import json

response = requests.post(
    "http://{HOST}:8000/v1/chat/completions",  # 将 {HOST} 替换为您的路由服务主机
    json={
        "model": "Qwen3-32B",
        "messages": [{"role": "user", "content": "给我讲个故事"}],
        "temperature": 0.8,
        "top_p": 0.9,
        "max_tokens": 200,
        "chat_template_kwargs": {},
        "stream": True
    },
    stream=True
)

for line in response.iter_lines():
    if line and line.startswith(b'data: '):
        data = line[6:].decode('utf-8')
        if data == '[DONE]':
            break
        try:
            chunk = json.loads(data)
            if 'choices' in chunk:
                delta = chunk['choices'][0].get('delta', {})
                if 'content' in delta:
                    print(delta['content'], end='', flush=True)
        except json.JSONDecodeError:
            pass
