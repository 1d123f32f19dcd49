// Reference: a process that does nothing, once a second.
setInterval(() => undefined, 1000);
process.send({});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuMs: (user + system) / 1000 });
});
process.on('disconnect', () => process.exit(0));
