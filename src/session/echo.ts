import type { ChildName, SessionConfig } from '../config/session-config.ts';
import { follow, splitLines } from '../files/tail.ts';
import { childLog } from './workdir.ts';

/** Copies lines of the children's logs to the console, as SESSION_ECHO says, until it is disposed of. */
export function echoChildren(config: SessionConfig, print: (line: string) => void): AsyncDisposable {
  const over = new AbortController();
  const echoing = config.children.echo.map(name => echo(name, childLog(config, name), over.signal, print));
  return {
    async [Symbol.asyncDispose]() {
      over.abort();
      await Promise.all(echoing);
    },
  };
}

async function echo(name: ChildName, file: string, signal: AbortSignal, print: (line: string) => void) {
  try {
    for await (const line of splitLines(follow(file, { from: 'end', signal }))) print(`${name} | ${line}`);
  } catch (error) {
    print(`${name} | (its lines can no longer be shown: ${String(error)})`);
  }
}
