import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Child, type ChildSpec, startChild } from '../../src/process/child.ts';
import { createSessionMarker, killLeftovers, MARKER_VARIABLE } from '../../src/process/leftovers.ts';
import { killChild } from '../../src/process/stop.ts';
import { PROGRAMS } from './built.ts';
import { killAllIn } from './container.ts';
import { eventually } from './eventually.ts';

export function programPath(name: string): string {
  return join(PROGRAMS, name);
}

/** A folder with children in it; nothing of either is left when it is disposed of. */
export async function openChildFixture() {
  const folder = await mkdtemp(join(tmpdir(), 'child-'));
  const marker = createSessionMarker();
  const children: Child[] = [];
  const specOf = (command: ChildSpec['command'], changes: Partial<ChildSpec> = {}): ChildSpec => ({
    name: 'server',
    command,
    cwd: folder,
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, [MARKER_VARIABLE]: marker },
    logFile: join(folder, `${children.length}.log`),
    console: false,
    user: undefined,
    ...changes,
  });

  return {
    folder,
    marker,
    children,
    specOf,
    start(command: ChildSpec['command'], changes: Partial<ChildSpec> = {}) {
      const spec = specOf(command, changes);
      const child = startChild(spec);
      children.push(child);
      const log = () => readFile(spec.logFile, 'utf8');
      /** What a pattern's first group matches, once it is in the log. */
      const logged = (pattern: RegExp) =>
        eventually(async () => {
          const found = pattern.exec(await log());
          if (!found) throw new Error(`no ${pattern} in the log: ${await log()}`);
          return found[1] ?? found[0];
        });
      return { child, spec, log, logged };
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) killChild(child);
      await killLeftovers(marker, children, { withinMs: 20_000 });
      await killAllIn(folder);
      await Promise.all(children.map(child => child.exited));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
