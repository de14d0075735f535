from openai import OpenAI
from worker import serve


def ask(asked, told):
    client = OpenAI(base_url=f"{asked.url}/v1", api_key="not-needed", max_retries=0)
    wish = asked.wish
    content = wish.get("content")
    if wish["kind"] == "models":
        told.list = [model.id for model in client.models.list()]
        return
    if wish["kind"] == "model":
        told.list = [client.models.retrieve(asked.model).id]
        return
    if wish["kind"] == "embedding":
        told.list = [item.object for item in client.embeddings.create(model=asked.model, input=content).data]
        return
    stream = wish.get("stream", False)
    same = {"model": asked.model, "stream": stream, "extra_body": wish.get("more", {})}
    if wish["kind"] == "chat":
        answer = client.chat.completions.create(messages=[{"role": "user", "content": content}], **same)
    else:
        answer = client.completions.create(prompt=wish.get("prompts", content), **same)
    texts, finish = {}, {}
    pieces = 0
    told.texts = [""]
    for piece in answer if stream else [answer]:
        for choice in piece.choices:
            texts[choice.index] = texts.get(choice.index, "") + (text_of(choice) or "")
            if choice.finish_reason:
                finish[choice.index] = choice.finish_reason
        if piece.usage:
            told.usage = [piece.usage.prompt_tokens, piece.usage.completion_tokens]
        told.texts = [texts[index] for index in sorted(texts)]
        pieces += 1
        if pieces == wish.get("leaveAfter"):
            answer.close()
            return
    told.finish = [finish[index] for index in sorted(finish)]


def text_of(choice):
    for holder, name in [(choice, "text"), (getattr(choice, "message", None), "content")]:
        if getattr(holder, name, None) is not None:
            return getattr(holder, name)
    return getattr(getattr(choice, "delta", None), "content", None)


serve(ask)
