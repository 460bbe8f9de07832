// Cohere's client for Node.
import assert from "node:assert/strict"
import { CohereClient, CohereClientV2 } from "cohere-ai"
import { tries, url } from "./served.mjs"

const options = { token: "any", baseUrl: url, environment: url }
const documents = ["green grass", "the blue sky", "a blue door"]

for (const model of ["vectors", "minilm"]) {
  tries("Cohere for Node, v2", "vectors", model, async () => {
    const answer = await new CohereClientV2(options).embed({
      model,
      texts: ["a", "b"],
      inputType: "search_document",
      embeddingTypes: ["float"],
    })
    assert.equal(answer.embeddings.float.length, 2)
  })
}

tries("Cohere for Node, v1 and v2", "ranks", "ranker", async () => {
  const asked = { model: "ranker", query: "blue sky", documents, topN: 2 }
  const places = (answer) => answer.results.map((result) => result.index)
  assert.deepEqual(places(await new CohereClientV2(options).rerank(asked)), [1, 2])
  assert.deepEqual(places(await new CohereClient(options).rerank(asked)), [1, 2])
})
