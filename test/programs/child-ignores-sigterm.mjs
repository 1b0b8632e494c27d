#!/usr/bin/env node
// Only SIGKILL ends it.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'])
  process.on(signal, () => console.log(`heard ${signal}`));
setInterval(() => undefined, 60_000);
console.log(`ready ${process.pid}`);
