import requests

ROUTER_URL = "http://{HOST}:8000"  # 将 {HOST} 替换为您的路由服务主机

# 聊天补全（带采样参数）
response = requests.post(
    f"{ROUTER_URL}/v1/chat/completions",
    json={
        "model": "Qwen3-32B",
        "messages": [{"role": "user", "content": "你好"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 50,
        "max_tokens": 100,
        "repetition_penalty": 1.0,
        "chat_template_kwargs": {}
    }
)
print(response.json()["choices"][0]["message"]["content"])
