// Stores, finds and deletes conversations with supermemory's own SDK.
// usage: SUPERMEMORY_BASE_URL=http://127.0.0.1:8787 SUPERMEMORY_API_KEY=... node sdk.mjs
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(process.env.SDK_FROM ?? import.meta.url); // the folder in which the SDK is installed
const { Supermemory } = require('supermemory');

const client = new Supermemory();
const containerTag = 'user_123';

// Store a text, and a conversation. The SDK has no method for conversations yet.
const text = await client.add({ content: 'The ferry to Cacilhas leaves every twenty minutes.', customId: 'ferry', containerTag });
const talk = {
  conversationId: 'trip-1', containerTags: [containerTag],
  messages: [
    { role: 'user', content: 'Plan three days in Lisbon without a car.' },
    { role: 'assistant', content: [{ type: 'text', text: 'Take tram 28 on the first day.' }] },
  ],
};
const trip = await client.post('/v4/conversations', { body: talk });
const again = await client.post('/v4/conversations', { body: talk });
assert.equal(again.id, trip.id, 'the same conversation');

// Wait until search finds them.
for (const { id } of [text, trip]) {
  for (let document; (document = await client.documents.get(id)).status !== 'done';) {
    assert.notEqual(document.status, 'failed');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// Find them.
const documents = await client.search.documents({ q: 'tram 28', containerTags: [containerTag], limit: 5 });
assert.equal(documents.results[0].documentId, trip.id);
assert.match(documents.results[0].chunks[0].content, /tram 28/);
const memories = await client.search.memories({ q: 'ferry to Cacilhas', containerTag, limit: 5 });
assert.match(memories.results[0].memory, /Cacilhas/);
assert.equal(memories.results[0].documents[0].id, text.id);
const others = await client.search.memories({ q: 'ferry to Cacilhas', containerTag: 'user_456' });
assert.equal(others.total, 0, 'another container has nothing');

// Delete them. What does not exist is named.
const nobody = '0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10';
const deleted = await client.documents.deleteBulk({ ids: [trip.id, nobody] });
assert.equal(deleted.deletedCount, 1);
assert.deepEqual(deleted.errors.map((e) => e.id), [nobody]);
await client.documents.delete(text.id);
await assert.rejects(client.documents.get(text.id), (e) => e.status === 404);
assert.equal((await client.search.memories({ q: 'ferry to Cacilhas', containerTag })).total, 0);

// What Lethe does not serve is a 404 that says what it serves.
await assert.rejects(client.profile({ containerTag }), (e) => e.status === 404 && /v4\/conversations/.test(e.error.details));
console.log('supermemory SDK: stored, found and deleted');
