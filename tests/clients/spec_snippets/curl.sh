# 检查路由服务健康状态
curl http://localhost:8000/health

# 列出可用模型
curl http://localhost:8000/models

# 使用 Qwen3-32B 进行聊天补全
curl -X POST http://localhost:8000/chat/completions \
  -H "Content-Type: application/json" \
  -d '{
    "model": "Qwen3-32B",
    "messages": [{"role": "user", "content": "你好，最近怎么样？"}],
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 50,
    "max_tokens": 100,
    "repetition_penalty": 1.0,
    "chat_template_kwargs": {},
    "stream": false
  }'

# 使用 9g_8b_thinking 进行聊天补全
curl -X POST http://localhost:8000/chat/completions \
  -H "Content-Type: application/json" \
  -d '{
    "model": "9g_8b_thinking",
    "messages": [{"role": "user", "content": "山东最高的山是？"}],
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 50,
    "max_tokens": 200,
    "repetition_penalty": 1.0,
    "chat_template_kwargs": {},
    "stream": false
  }'
