// Reference: the least an HTTP server can do. Answers every request with the same bytes.
import { createServer } from 'node:http';

let body = Buffer.from('{}');
const server = createServer((_request, reply) => {
  reply.setHeader('content-type', 'application/json; charset=utf-8');
  reply.setHeader('content-length', body.length);
  reply.end(body);
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', ({ text }) => {
  if (text !== undefined) body = Buffer.from(text);
  const { user, system } = process.cpuUsage();
  process.send({ cpuMs: (user + system) / 1000 });
});
process.on('disconnect', () => process.exit(0));
