// Shares a session's process namespace, and lists the other processes in it every 50 ms: one JSON line a sample, each a
// list of `state command`, with Z for a zombie. It ends with the namespace.
import { readdirSync, readFileSync } from 'node:fs';

const INTERVAL_MS = 50;

setInterval(() => {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name) && Number(name) !== process.pid);
  process.stdout.write(`${JSON.stringify(pids.map(describe).filter(text => text !== undefined))}\n`);
}, INTERVAL_MS);

function describe(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const state = stat.charAt(stat.lastIndexOf(')') + 2);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return `${state} ${command === '' ? `[${name}]` : command}`;
  } catch {
    // It has ended since the folder was read.
    return undefined;
  }
}
