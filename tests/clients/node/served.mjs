// What the gateway serves to these tests, as ../served.py says it.
import assert from "node:assert/strict"
import { test } from "node:test"

export const url = process.env.GATEWAY
export const talkers = process.env.TALKERS.split(" ")
export const shapers = process.env.SHAPERS.split(" ")
export const chats = process.env.CHATS.split(" ")

// A test of features of a client, which are noted when it passes.
export function tries(client, features, model, work) {
  test(`${model}: ${client}: ${features}`, work)
}

export function answers(model, text, asked) {
  assert.equal(text, model === "local" ? "Hi." : `You said: ${asked}`)
}
