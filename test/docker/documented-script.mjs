// The program that the document of this API ends with: create, wait until idle, go on in the same session, read everything.
const API = process.env.HOSTEDAGENTS_API;
const TOKEN = process.env.HOSTEDAGENTS_API_TOKEN;
const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };

const createRes = await fetch(`${API}/agents`, {
  method: 'POST',
  headers,
  body: JSON.stringify({ name: 'build-agent', initialPrompt: 'Set up a Node.js Express project with TypeScript' }),
});
const { agentId, sessions } = await createRes.json();
const sessionId = sessions[0]?.id;

async function waitUntilIdle() {
  while (true) {
    const res = await fetch(`${API}/agents/${agentId}`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    const data = await res.json();
    if (!data.busy) return data;
    await new Promise((r) => setTimeout(r, 2000));
  }
}
await waitUntilIdle();

await fetch(`${API}/agents/${agentId}/messages`, {
  method: 'POST',
  headers,
  body: JSON.stringify({ sessionId, message: 'Now add user authentication with JWT' }),
});
await waitUntilIdle();

const msgRes = await fetch(`${API}/agents/${agentId}/messages?sessionId=${sessionId}`, {
  headers: { Authorization: `Bearer ${TOKEN}` },
});
const { messages } = await msgRes.json();
console.log(`Total messages: ${messages.length}`);
