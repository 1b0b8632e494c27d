import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** Cuberite takes one command per read: two lines that wait for it together would be one to it. */
const MIN_COMMAND_GAP_MS = 100;

/**
 * A console on a child's stdin. Lines go out in order, each in a write of its own, a moment apart.
 * @returns what says a line: false when the child does not listen (any more); it never rejects.
 */
export function openConsole(stdin: Writable | null): (line: string) => Promise<boolean> {
  // A child that has closed its stdin answers with EPIPE: the write that met it says so by its false.
  stdin?.on('error', () => stdin.destroy());
  let free = Promise.resolve();
  return line => {
    const said = free.then(() => write(stdin, `${line.replaceAll(/[\r\n]+/g, ' ')}\n`));
    free = said.then(heard => (heard ? delay(MIN_COMMAND_GAP_MS) : undefined));
    return said;
  };
}

function write(stdin: Writable | null, text: string): Promise<boolean> {
  return new Promise(resolve => {
    if (stdin === null || !stdin.writable) resolve(false);
    else stdin.write(text, error => resolve(!error));
  });
}
