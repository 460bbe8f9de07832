// Anthropic's client for Node.
import assert from "node:assert/strict"
import { test } from "node:test"
import Anthropic from "@anthropic-ai/sdk"
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod"
import { z } from "zod"
import { answers, chats, talkers, tries, url } from "./served.mjs"

const client = new Anthropic({ apiKey: "any", baseURL: url, maxRetries: 0 })
const messages = [{ role: "user", content: "hello" }]

for (const model of chats) {
  tries("Anthropic for Node", "text, stream", model, async () => {
    const whole = await client.messages.create({ model, messages, max_tokens: 50 })
    answers(model, whole.content.at(-1).text, "hello")
    assert.ok(whole.usage.input_tokens > 0)
    const final = await client.messages.stream({ model, messages, max_tokens: 50 }).finalMessage()
    answers(model, final.content.at(-1).text, "hello")
    assert.equal(final.stop_reason, "end_turn")
  })
}

for (const model of talkers) {
  tries("Anthropic for Node", "tools", model, async () => {
    const asked = []
    const weather = betaZodTool({
      name: "weather",
      description: "The weather in a city",
      inputSchema: z.object({ city: z.string() }),
      run: ({ city }) => (asked.push(city), `sunny in ${city}`),
    })
    const final = await client.beta.messages.toolRunner({
      model,
      max_tokens: 100,
      messages: [{ role: "user", content: "call weather" }],
      tools: [weather],
    })
    assert.match(final.content.at(-1).text, /sunny/)
    assert.equal(asked.length, 1)
  })

  tries("Anthropic for Node", "images, cache marks", model, async () => {
    const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    const answer = await client.messages.create({
      model,
      max_tokens: 50,
      system: [{ type: "text", text: "Be kind.", cache_control: { type: "ephemeral" } }],
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } },
            { type: "text", text: "hello" },
          ],
        },
      ],
    })
    assert.match(answer.content.at(-1).text, /hello/)
  })
}

test("tokens, models and errors", async () => {
  assert.ok((await client.messages.countTokens({ model: "claude", messages })).input_tokens > 0)
  const names = []
  for await (const model of client.models.list({ limit: 2 })) names.push(model.id)
  assert.ok(names.includes("claude") && names.includes("echo"))
  await assert.rejects(client.messages.create({ model: "nobody", messages, max_tokens: 5 }), (error) => {
    assert.ok(error instanceof Anthropic.NotFoundError)
    assert.equal(error.error.error.type, "not_found_error")
    assert.ok(error.requestID)
    return true
  })
})
