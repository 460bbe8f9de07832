// What the gateway serves to these tests: a name for each kind of deployment.
export const url = process.env.GATEWAY
export const talkers = ["gpt", "claude", "flash", "assistant"]
export const chats = [...talkers, "echo"]
