// The client libraries of the Model Context Protocol: the newest in both eras and the previous one,
// over HTTP and by starting `lethe mcp`. Each lists, searches and deletes. usage: mcp.mjs LETHE
import assert from 'node:assert/strict'
import * as newest from '@modelcontextprotocol/client'
import { StdioClientTransport as NewestStdio } from '@modelcontextprotocol/client/stdio'
import { Client as PreviousClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as PreviousStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as PreviousHTTP } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { headers, isDeleted, upload, url } from './service.mjs'

const endpoint = new URL(`${url}/mcp`)
const program = { command: process.argv[2], args: ['mcp'], env: process.env }
const libraries = [
  ['@modelcontextprotocol/client 2.4.0, stateless era', newest.Client, newest.StreamableHTTPClientTransport, NewestStdio, { versionNegotiation: { mode: 'auto' } }],
  ['@modelcontextprotocol/client 2.4.0, older era', newest.Client, newest.StreamableHTTPClientTransport, NewestStdio, {}],
  ['@modelcontextprotocol/sdk 1.32.2', PreviousClient, PreviousHTTP, PreviousStdio, {}],
]
for (const [name, Client, HTTP, Stdio, options] of libraries) {
  for (const way of ['HTTP', 'lethe mcp']) {
    const client = new Client({ name: 'lethe-clients', version: '1' }, { capabilities: {}, ...options })
    await client.connect(way === 'HTTP' ? new HTTP(endpoint, { requestInit: { headers } }) : new Stdio(program))
    const id = await upload('harbour')
    const { tools } = await client.listTools()
    assert.equal(tools.length, 10)
    const call = async (tool, args) => {
      const result = await client.callTool({ name: tool, arguments: args })
      assert.ok(!result.isError, JSON.stringify(result.content))
      return result.structuredContent
    }
    assert.ok((await call('list_conversations', {})).items.some((c) => c.id === id))
    assert.equal((await call('search_chat_history', { query: 'harbour ferry' })).results[0].conversationId, id)
    const asked = await call('delete_conversations', { ids: [id] })
    assert.equal(asked.status, 'confirmation_required')
    const done = await call('delete_conversations', { ids: [id], confirmToken: asked.confirmToken })
    assert.deepEqual(done.deleted, [id])
    await isDeleted(id)
    const spoken = client.getNegotiatedProtocolVersion?.() ?? client.transport?.protocolVersion ?? ''
    await client.close()
    console.log(`ok  ${name}, ${way}  ${spoken}`)
  }
}
process.exit(0)
