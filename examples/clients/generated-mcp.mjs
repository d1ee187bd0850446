// The MCP server that openapi-mcp-generator makes of the service's document deletes a conversation, by
// the DELETE with a body and by its POST twin. usage: generated-mcp.mjs SERVER.JS
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { isDeleted, key, upload, url } from './service.mjs'

const client = new Client({ name: 'lethe-clients', version: '1' })
await client.connect(new StdioClientTransport({
  command: process.execPath, args: [process.argv[2]], env: { ...process.env, API_BASE_URL: url, BEARER_TOKEN_BEARERAUTH: key },
}))
const { tools } = await client.listTools()
for (const tool of ['DeleteConversations', 'DeleteConversationsByPost']) {
  assert.ok(tools.some((t) => t.name === tool), tools.map((t) => t.name).join(' '))
  const id = await upload('generated')
  const result = await client.callTool({ name: tool, arguments: { requestBody: { ids: [id] } } })
  assert.ok(!result.isError, JSON.stringify(result.content))
  assert.match(result.content[0].text, new RegExp(id))
  await isDeleted(id)
}
await client.close()
console.log(`ok  openapi-mcp-generator 4.0.1, ${tools.length} tools`)
process.exit(0)
