// The TypeScript client that @hey-api/openapi-ts makes of the service's document lists, searches and
// deletes. It is compiled, so the types of the document are checked too.
import assert from 'node:assert/strict'
import { client } from './sdk/client.gen.js'
import { deleteConversations, deleteConversationsByPost, listConversations, searchChatHistory } from './sdk/index.js'
import { isDeleted, key, upload, url } from './service.mjs'

client.setConfig({ baseUrl: url, auth: () => key })
for (const remove of [deleteConversations, deleteConversationsByPost]) {
  const id: string = await upload('typescript')
  const list = await listConversations({ query: { title: 'typescript' }, throwOnError: true })
  assert.equal(list.data.items[0]?.id, id)
  const found = await searchChatHistory({ body: { query: 'typescript ferry' }, throwOnError: true })
  assert.equal(found.data.results[0]?.conversationId, id)
  const done = await remove({ body: { ids: [id] }, throwOnError: true })
  assert.deepEqual(done.data.deleted, [id])
  await isDeleted(id)
}
console.log('ok  @hey-api/openapi-ts 0.99.0')
