// Many WebSocket clients in one process of their own, for product and reference alike.
import { WebSocket } from 'ws';

const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;
const groups = new Map();

class Client {
  received = [];
  lastAt = 0;
  lastId = null;

  connect(url) {
    return new Promise((resolve, reject) => {
      this.socket = new WebSocket(url, { perMessageDeflate: false });
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
      this.socket.on('message', (data) => {
        this.lastAt = now();
        const id = /"id":"(\d+)"/.exec(data.toString('latin1'))?.[1] ?? null;
        if (id !== null) this.lastId = id;
        this.received.push(id);
        this.newest = data;
      });
    });
  }
}

async function all(group, atOnce, work) {
  const queue = [...group];
  const worker = async () => {
    for (let one = queue.pop(); one; one = queue.pop()) await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Until every client has received so many messages. */
async function complete(group, messages, ms) {
  const deadline = Date.now() + ms;
  while (!group.every(({ received }) => received.length >= messages)) {
    if (Date.now() > deadline) break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const ids = group[0].received.map(Number);
  const wrong = group.filter(({ received }) => {
    if (received.length !== messages) return true;
    return received.some((id, index) => id !== null && Number(id) !== ids[index]);
  }).length;
  const ordered = ids.every((id, index) => Number.isNaN(id) || index === 0 || id > ids[index - 1]);
  return { lastAt: Math.max(...group.map(({ lastAt }) => lastAt)), wrong: ordered ? wrong : group.length };
}

const doing = {
  async open({ group, url, count }) {
    const clients = Array.from({ length: count }, () => new Client());
    groups.set(group, clients);
    await all(clients, 50, (client) => client.connect(url));
    return { open: clients.length };
  },
  reset({ group }) {
    for (const client of groups.get(group)) client.received = [];
    return {};
  },
  newest: ({ group }) => ({ text: groups.get(group)[0].newest.toString() }),
  complete: ({ group, messages, ms }) => complete(groups.get(group), messages, ms ?? 30_000),
  async cut({ group }) {
    const clients = groups.get(group);
    const closed = clients.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    for (const { socket } of clients) socket.terminate();
    await Promise.all(closed);
    return {};
  },
  /** All at once, each with the id it has seen last. */
  async resume({ group, url, messages }) {
    const clients = groups.get(group);
    for (const client of clients) client.received = [];
    const at = now();
    await Promise.all(clients.map((client) => client.connect(`${url}${client.lastId}`)));
    return { at, ...(await complete(clients, messages, 60_000)) };
  },
};

process.send({});
process.on('message', async (message) => {
  try {
    process.send(await doing[message.do](message));
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on('disconnect', () => process.exit(0));
