// Cohere's client for Node.
import assert from "node:assert/strict"
import { test } from "node:test"
import { CohereClient, CohereClientV2 } from "cohere-ai"
import { url } from "./served.mjs"

const options = { token: "any", baseUrl: url, environment: url }
const documents = ["green grass", "the blue sky", "a blue door"]

test("texts are embedded", async () => {
  const client = new CohereClientV2(options)
  for (const model of ["vectors", "minilm"]) {
    const answer = await client.embed({
      model,
      texts: ["a", "b"],
      inputType: "search_document",
      embeddingTypes: ["float"],
    })
    assert.equal(answer.embeddings.float.length, 2)
  }
})

test("documents are ranked", async () => {
  const asked = { model: "ranker", query: "blue sky", documents, topN: 2 }
  const places = (answer) => answer.results.map((result) => result.index)
  assert.deepEqual(places(await new CohereClientV2(options).rerank(asked)), [1, 2])
  assert.deepEqual(places(await new CohereClient(options).rerank(asked)), [1, 2])
})
