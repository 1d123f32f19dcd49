// Reference: the smallest Nest application on Fastify. Says when it listens and what it holds.
require('reflect-metadata');
const { Controller, Get, Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { FastifyAdapter } = require('@nestjs/platform-fastify');

class Hello {
  health() {
    return { status: 'healthy' };
  }
}
Get('health')(Hello.prototype, 'health', Object.getOwnPropertyDescriptor(Hello.prototype, 'health'));
Controller()(Hello);
function App() {}
Module({ controllers: [Hello] })(App);

NestFactory.create(App, new FastifyAdapter(), { logger: false }).then(async (app) => {
  await app.listen(Number(process.argv[2] ?? 0), '127.0.0.1');
  if (process.argv[2] === undefined) process.send({ port: app.getHttpServer().address().port });
});
process.on('message', () => {
  for (let round = 0; round < 3; round += 1) global.gc();
  process.send({ rssMB: process.memoryUsage().rss / 2 ** 20 });
});
process.on('disconnect', () => process.exit(0));
