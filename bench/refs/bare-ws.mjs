// Reference: the least a fan-out can do. Sends the same text to every client.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', ({ text }) => {
  const at = Number(process.hrtime.bigint() / 1000n) / 1000;
  if (text !== undefined) for (const client of sockets.clients) client.send(text);
  else for (let round = 0; round < 3; round += 1) global.gc();
  const { user, system } = process.cpuUsage();
  process.send({ at, cpuMs: (user + system) / 1000, rssMB: process.memoryUsage().rss / 2 ** 20 });
});
process.on('disconnect', () => process.exit(0));
