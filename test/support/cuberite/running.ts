import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CuberiteConfig } from '../../../src/config/session-config.ts';
import { follow, splitLines } from '../../../src/files/tail.ts';
import { type CuberiteCommand, cuberiteCommand } from '../../../src/minecraft/cuberite/command.ts';
import { prepareFolder } from '../../../src/minecraft/cuberite/prepare.ts';
import { parseServerLine, type ServerEvent } from '../../../src/minecraft/cuberite/server-log.ts';
import { ping } from '../../../src/minecraft/ping.ts';
import { waitUntilReady } from '../../../src/minecraft/readiness.ts';
import type { Child } from '../../../src/process/child.ts';
import { openChildFixture } from '../children.ts';
import { makeCuberiteHome } from '../cuberite-home.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../free-port.ts';
import type { StandInOptions } from './options.ts';

export interface RunOptions {
  readonly standIn?: Partial<Omit<StandInOptions, 'crowdFile'>>;
  readonly config?: Partial<CuberiteConfig>;
  readonly console?: boolean;
  readonly port?: number;
  /** Where stdbuf is looked for. */
  readonly searchPath?: string;
  /** In place of those that the program was found to know. */
  readonly flags?: readonly string[];
}

export type RunningServer = Awaited<ReturnType<typeof startServer>>;

/** The stand-in, prepared and started as a session does it; nothing is left of it when it is disposed of. */
export async function startServer(options: RunOptions = {}) {
  const { console = true, searchPath = '/usr/bin:/bin' } = options;
  const port = options.port ?? (await freePort());
  const home = await makeCuberiteHome(options.standIn);
  const fixture = await openChildFixture();
  const config = { ...home.config, ...options.config };
  const world = { saveIntervalMs: 10_000, beatFile: join(home.folder, 'beat') };
  const prepare = () => prepareFolder(config, { workdir: fixture.folder, port, world });
  const { folder } = await prepare();
  const chosen = await cuberiteCommand(config, folder, searchPath);
  const start = () => fixture.start(commandOf(chosen, config, options), { cwd: folder, console });
  const address = { host: '127.0.0.1', port };
  const patience = { timeoutMs: 20_000, signal: new AbortController().signal };
  let running = start();

  return {
    home,
    port,
    address,
    folder,
    output: chosen.output,
    prepare,
    get child(): Child {
      return running.child;
    },
    log: () => running.log(),
    logged: (pattern: RegExp) => running.logged(pattern),
    kill(signal: NodeJS.Signals) {
      process.kill(running.child.pid ?? Number.NaN, signal);
    },
    restart() {
      running = start();
    },
    ready: () => waitUntilReady(address, patience),
    online: (count: number) => eventually(async () => (await ping(address, patience)).online === count),
    /** What its lines tell, once that is so many events. */
    async events(count: number): Promise<ServerEvent[]> {
      const events: ServerEvent[] = [];
      const chunks = follow(running.spec.logFile, { from: 'start', signal: patience.signal });
      for await (const line of splitLines(chunks)) {
        const event = parseServerLine(line);
        if (event !== undefined) events.push(event);
        if (events.length === count) break;
      }
      return events;
    },
    file: (name: string) => readFile(join(folder, name), 'utf8'),
    hasWorld: () => existsSync(join(folder, 'world/region/r.0.0.mca')),
    async [Symbol.asyncDispose]() {
      await fixture[Symbol.asyncDispose]();
      await home.remove();
    },
  };
}

function commandOf({ command }: CuberiteCommand, config: CuberiteConfig, { flags }: RunOptions) {
  return flags === undefined ? command : ([config.binary, ...flags] as const);
}
