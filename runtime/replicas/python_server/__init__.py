"""`python("package.module:factory")`: a server around a user's own code, in a process of its own.

    python -m inferc.runtime.replicas.python_server package.module:factory --port 8000

`factory()`, which may be a coroutine function, returns one of two things:

- an `aiohttp.web.Application` that speaks OpenAI's API below `/v1`;
- an async function `answer(messages, **options)`, from which `/v1/chat/completions` is made: `messages`
  are OpenAI's, `options` the other fields of the request. It returns the answer as text, or, as an async
  generator, yields it in pieces.

`/health` answers 200 as soon as the server runs, unless the application has its own.
"""
