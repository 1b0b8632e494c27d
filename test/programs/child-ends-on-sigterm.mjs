#!/usr/bin/env node
// Lives until SIGTERM, says so, and exits with 0.
process.on('SIGTERM', () => {
  console.log('asked to end');
  process.exit(0);
});
setInterval(() => undefined, 60_000);
console.log(`ready ${process.pid}`);
