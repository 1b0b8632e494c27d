import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** Cuberite reads one command per read(2): two lines that are in the pipe together are one command to it. */
const MIN_COMMAND_GAP_MS = 100;

/**
 * A console on a child's stdin. Lines are written in order, one write each, at least 100 ms apart.
 * @returns a function that writes one line; it resolves to false when the child does not read (any more), and never
 * rejects
 */
export function openConsole(stdin: Writable | null): (line: string) => Promise<boolean> {
  // A child that has closed its stdin causes EPIPE, also as an event; the write itself reports it by its result.
  stdin?.on('error', () => stdin.destroy());
  let ready = Promise.resolve();
  return line => {
    const accepted = ready.then(() => write(stdin, `${line.replaceAll(/[\r\n]+/g, ' ')}\n`));
    ready = accepted.then(isAccepted => (isAccepted ? delay(MIN_COMMAND_GAP_MS) : undefined));
    return accepted;
  };
}

function write(stdin: Writable | null, text: string): Promise<boolean> {
  return new Promise(resolve => {
    if (stdin === null || !stdin.writable) resolve(false);
    else stdin.write(text, error => resolve(!error));
  });
}
