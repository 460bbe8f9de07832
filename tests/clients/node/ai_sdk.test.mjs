// The AI SDK, by its packages for OpenAI (responses, chats), Anthropic and compatible servers.
import assert from "node:assert/strict"
import { test } from "node:test"
import { createAnthropic } from "@ai-sdk/anthropic"
import { createOpenAI } from "@ai-sdk/openai"
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from "ai"
import { z } from "zod"
import { chats, talkers, url } from "./served.mjs"

globalThis.AI_SDK_LOG_WARNINGS = false

const openai = createOpenAI({ apiKey: "any", baseURL: `${url}/v1` })
const anthropic = createAnthropic({ apiKey: "any", baseURL: `${url}/v1` })
const compatible = createOpenAICompatible({
  name: "inferc",
  apiKey: "any",
  baseURL: `${url}/v1`,
  includeUsage: true,
  supportsStructuredOutputs: true,
})
const kinds = {
  responses: openai,
  chat: openai.chat,
  messages: anthropic,
  compatible,
}

for (const [kind, provider] of Object.entries(kinds)) {
  for (const name of chats) {
    test(`${kind}, ${name}: a text, whole and streamed`, async () => {
      const model = provider(name)
      const { text, usage } = await generateText({ model, prompt: "hello", maxRetries: 0 })
      assert.equal(text, "You said: hello")
      assert.ok(usage.inputTokens > 0)
      const stream = streamText({ model, prompt: "hello", maxRetries: 0 })
      let said = ""
      for await (const piece of stream.textStream) said += piece
      assert.equal(said, "You said: hello")
      assert.ok((await stream.usage).outputTokens > 0)
    })
  }

  for (const name of talkers) {
    test(`${kind}, ${name}: a tool is called, whole and streamed`, async () => {
      for (const ask of [generateText, streamText]) {
        const asked = []
        const weather = tool({
          description: "The weather in a city",
          inputSchema: z.object({ city: z.string() }),
          execute: async ({ city }) => (asked.push(city), `sunny in ${city}`),
        })
        const answer = await ask({
          model: provider(name),
          prompt: "call weather",
          tools: { weather },
          stopWhen: stepCountIs(3),
          maxRetries: 0,
        })
        assert.match(await answer.text, /sunny/)
        assert.equal(asked.length, 1)
      }
    })

    test(`${kind}, ${name}: an answer has the shape of a schema`, async () => {
      const schema = z.object({ name: z.string(), people: z.number().int() })
      const { output } = await generateText({
        model: provider(name),
        prompt: "a city",
        output: Output.object({ schema }),
        maxRetries: 0,
      })
      schema.parse(output)
    })
  }
}

test("vectors", async () => {
  for (const model of [openai.embedding("vectors"), compatible.embeddingModel("minilm")]) {
    const { embeddings } = await embedMany({ model, values: ["a", "b"], maxRetries: 0 })
    assert.equal(embeddings.length, 2)
  }
})
