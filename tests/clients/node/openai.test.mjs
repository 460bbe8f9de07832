// OpenAI's client for Node.
import assert from "node:assert/strict"
import { test } from "node:test"
import OpenAI from "openai"
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod"
import { z } from "zod"
import { answers, chats, shapers, talkers, tries, url } from "./served.mjs"

const client = new OpenAI({ apiKey: "any", baseURL: `${url}/v1`, maxRetries: 0 })
const messages = [{ role: "user", content: "hello" }]
const City = z.object({ name: z.string(), people: z.number().int() })
const weather = (asked) => ({
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    parse: JSON.parse,
    function: ({ city }) => (asked.push(city), `sunny in ${city}`),
  },
})

for (const model of chats) {
  tries("OpenAI for Node, chats", "text, stream", model, async () => {
    const whole = await client.chat.completions.create({ model, messages })
    answers(model, whole.choices[0].message.content, "hello")
    assert.ok(whole._request_id)
    const options = { model, messages, stream_options: { include_usage: true } }
    const final = await client.chat.completions.stream(options).finalChatCompletion()
    answers(model, final.choices[0].message.content, "hello")
    assert.ok(final.usage.prompt_tokens > 0)
  })

  tries("OpenAI for Node, responses", "text, stream, goes on", model, async () => {
    const first = await client.responses.create({ model, input: "hello" })
    answers(model, first.output_text, "hello")
    const stream = client.responses.stream({ model, input: "and now?", previous_response_id: first.id })
    const types = []
    for await (const event of stream) types.push(event.type)
    assert.equal(types[0], "response.created")
    assert.equal(types.at(-1), "response.completed")
    answers(model, (await stream.finalResponse()).output_text, "and now?")
  })
}

for (const model of talkers) {
  tries("OpenAI for Node, chats", "tools", model, async () => {
    const asked = []
    const runner = client.chat.completions.runTools({
      model,
      messages: [{ role: "user", content: "call weather" }],
      tools: [weather(asked)],
    })
    assert.match(await runner.finalContent(), /sunny/)
    assert.equal(asked.length, 1)
  })
}

for (const model of shapers) {
  tries("OpenAI for Node, chats", "shape", model, async () => {
    const chat = await client.chat.completions.parse({
      model,
      messages,
      response_format: zodResponseFormat(City, "city"),
    })
    City.parse(chat.choices[0].message.parsed)
  })

  tries("OpenAI for Node, responses", "shape", model, async () => {
    const told = await client.responses.parse({
      model,
      input: "a city",
      text: { format: zodTextFormat(City, "city") },
    })
    City.parse(told.output_parsed)
  })
}

test("a stream in the background goes on where it was lost", async () => {
  const stream = await client.responses.create({ model: "claude", input: "hello", background: true, stream: true })
  let id, number
  for await (const event of stream) {
    id ??= event.response.id
    number = event.sequence_number
    if (number === 1) break
  }
  const rest = await client.responses.retrieve(id, { stream: true, starting_after: number })
  const seen = []
  for await (const event of rest) seen.push(event)
  assert.equal(seen[0].sequence_number, 2)
  assert.equal(seen.at(-1).response.output[0].content[0].text, "You said: hello")
})

test("a conversation is kept", async () => {
  const conversation = await client.conversations.create({ metadata: { topic: "greetings" } })
  await client.responses.create({ model: "gpt", input: "hello", conversation: conversation.id })
  const items = []
  for await (const item of client.conversations.items.list(conversation.id, { order: "asc" })) items.push(item)
  assert.deepEqual(items.map((item) => item.content[0].text), ["hello", "You said: hello"])
  assert.ok((await client.conversations.delete(conversation.id)).deleted)
})

for (const model of ["vectors", "minilm"]) {
  // This client asks for them in base64.
  tries("OpenAI for Node, embeddings", "vectors", model, async () => {
    const answer = await client.embeddings.create({ model, input: ["a", "b"] })
    assert.equal(answer.data.length, 2)
    assert.equal(typeof answer.data[0].embedding[0], "number")
  })
}

test("models, moderations and errors", async () => {
  const names = []
  for await (const model of client.models.list()) names.push(model.id)
  assert.ok(names.includes("gpt") && names.includes("assistant"))
  assert.equal((await client.moderations.create({ model: "moderator", input: "hello" })).results.length, 1)
  await assert.rejects(client.chat.completions.create({ model: "nobody", messages }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError)
    assert.equal(error.code, "model_not_found")
    return true
  })
  await assert.rejects(client.chat.completions.create({ model: "gpt", messages, temperature: "hot" }), {
    status: 400,
    param: "temperature",
  })
})
