#!/usr/bin/env node
// Takes one command a read, as Cuberite does: repeats it, and exits on `stop`. The end of its stdin ends it as well.
process.stdin.on('data', data => {
  console.log(`read ${JSON.stringify(`${data}`)}`);
  if (`${data}`.startsWith('stop\n')) process.exit(0);
});
process.stdin.on('end', () => process.exit(3));
console.log('ready');
