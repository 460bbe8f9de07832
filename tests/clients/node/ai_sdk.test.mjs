// The AI SDK, by its packages for OpenAI (responses, chats), Anthropic and compatible servers.
import assert from "node:assert/strict"
import { createAnthropic } from "@ai-sdk/anthropic"
import { createOpenAI } from "@ai-sdk/openai"
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from "ai"
import { z } from "zod"
import { answers, chats, shapers, talkers, tries, url } from "./served.mjs"

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
  chats: openai.chat,
  messages: anthropic,
  compatible,
}

for (const [kind, provider] of Object.entries(kinds)) {
  for (const name of chats) {
    tries(`AI SDK, ${kind}`, "text, stream", name, async () => {
      const model = provider(name)
      const { text, usage } = await generateText({ model, prompt: "hello", maxRetries: 0 })
      answers(name, text, "hello")
      assert.ok(usage.inputTokens > 0)
      const stream = streamText({ model, prompt: "hello", maxRetries: 0 })
      let said = ""
      for await (const piece of stream.textStream) said += piece
      answers(name, said, "hello")
      assert.ok((await stream.usage).outputTokens > 0)
    })
  }

  for (const name of talkers) {
    tries(`AI SDK, ${kind}`, "tools", name, async () => {
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
  }

  for (const name of shapers) {
    tries(`AI SDK, ${kind}`, "shape", name, async () => {
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

for (const name of ["vectors", "minilm"]) {
  tries("AI SDK, embeddings", "vectors", name, async () => {
    for (const model of [openai.embedding(name), compatible.embeddingModel(name)]) {
      const { embeddings } = await embedMany({ model, values: ["a", "b"], maxRetries: 0 })
      assert.equal(embeddings.length, 2)
    }
  })
}
