// The n8n node that @devlikeapro/n8n-openapi-node makes of the service's document deletes a
// conversation. n8n itself is not installed: its requests are made here from the node's routing, as
// n8n makes them. usage: n8n.mjs OPENAPI.JSON
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { headers, isDeleted, upload, url } from './service.mjs'

const { N8NPropertiesBuilder } = createRequire(import.meta.url)('@devlikeapro/n8n-openapi-node')
const properties = new N8NPropertiesBuilder(JSON.parse(fs.readFileSync(process.argv[2])), {}).build()

// run executes an operation of the node with the values of its fields.
async function run(operation, values) {
  const option = properties.flatMap((p) => (p.name === 'operation' && p.options) || []).find((o) => o.value === operation)
  assert.ok(option, `the node has no operation ${operation}`)
  const request = option.routing.request
  const body = {}
  for (const p of properties.filter((p) => p.displayOptions?.show?.operation?.includes(operation) && p.name in values)) {
    assert.equal(p.routing.send.type, 'body')
    const value = values[p.name]
    body[p.routing.send.property] = p.routing.send.value.includes('JSON.parse') ? JSON.parse(value) : value
  }
  const answer = await fetch(url + request.url.replace(/^=/, ''), {
    method: request.method, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

const id = await upload('n8n')
// What a user gets who forgets to replace the default deletes nothing.
assert.equal((await run('Delete Conversations By Post', { ids: '[null]' })).status, 400)
const answer = await run('Delete Conversations By Post', { ids: JSON.stringify([id]) })
assert.deepEqual(answer.body, { deleted: [id], count: 1 })
await isDeleted(id)
console.log(`ok  @devlikeapro/n8n-openapi-node 0.1.4, ${properties.length} fields`)
