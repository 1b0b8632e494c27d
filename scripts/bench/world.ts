/** What it costs to have the world saved every ten seconds and journaled: ticks, CPU, bytes an hour, with it and without. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { PieceRecord } from '../../src/journal/format/schema.ts';
import { decodeNumbered } from '../../src/journal/format/segment.ts';
import { type Beat, parseBeat } from '../../src/minecraft/cuberite/beat.ts';
import { openBuildingSite } from '../../test/support/building/open.ts';
import type { BuildingSite } from '../../test/support/building/site.ts';
import { openSessionFixture, program, type SessionFixture } from '../../test/support/session.ts';
import { median } from './median.ts';

const BLOCK_EVERY_MS = 100;
const HOUR_S = 3_600;
const CLOCK_TICKS = 100;

export async function reportWorld(seconds: number): Promise<void> {
  for (const interval of ['off', '10s']) {
    await using site = await openBuildingSite(BLOCK_EVERY_MS);
    if (interval === 'off')
      console.log(
        `a world that is built, a block every ${BLOCK_EVERY_MS} ms, for ${seconds} s, with ${site.server}`,
      );
    await reportRun(site, interval, seconds);
  }
}

async function reportRun(site: BuildingSite, interval: string, seconds: number): Promise<void> {
  await using fixture = await openSessionFixture();
  const session = fixture.start({
    SESSION_SERVER_COMMAND: undefined,
    ...site.environment,
    SESSION_AGENT_COMMAND: program('agent-runs'),
    SESSION_JOURNAL_INTERVAL: '2s',
    SESSION_WORLD_SAVE_INTERVAL: interval,
  });
  await session.logged('"event":"process_started","child":"agent"');
  await site.join(fixture.port);
  const server = Number(/"child":"server","pid":(\d+)/.exec(session.stdout())?.[1]);
  const before = await Promise.all([server, session.process.pid].map(cpuSeconds));
  const beats: Beat[] = [];
  for (let second = 0; second < seconds; second += 1) {
    await setTimeout(1_000);
    beats.push(...(await readBeat(fixture)));
  }
  const after = await Promise.all([server, session.process.pid].map(cpuSeconds));
  const cpu = after.map((spent, i) => `${((100 * (spent - (before[i] ?? 0))) / seconds).toFixed(1)} %`);
  const { objects, pieces } = await readJournal(fixture);
  const bytes = objects.reduce((sum, { length }) => sum + length, 0);
  const region = pieces.filter(({ path }) => path.toString().endsWith('.mca'));
  const sent = region.reduce((sum, { length }) => sum + length, 0);
  const whole = new Map(region.map(({ generation, size }) => [generation, size]));
  const rewritten = [...whole.values()].reduce((sum, size) => sum + size, 0);
  console.log(
    `saved ${interval === 'off' ? 'by itself' : `every ${interval}`}: ` +
      `${median(beats.map(({ ticks }) => ticks)).toFixed(1)} ticks a second, ` +
      `the slowest ${Math.max(...beats.map(({ slowestTickMs }) => slowestTickMs))} ms; ` +
      `CPU of the server ${cpu[0]}, of the supervisor ${cpu[1]}; journal ${objects.length} requests, ` +
      `${((bytes * HOUR_S) / seconds / 1e6).toFixed(1)} MB an hour; region files ${whole.size} times, ` +
      `${(rewritten / 1e6).toFixed(2)} MB, of which ${(sent / 1e6).toFixed(2)} MB in changed blocks`,
  );
  session.signal('SIGTERM');
  await session.ended();
}

async function readBeat({ workdir }: SessionFixture): Promise<Beat[]> {
  const [name] = (await readdir(dirname(workdir))).filter(each => each.startsWith('craftassist-beat-'));
  const text = name === undefined ? '' : await readFile(join(dirname(workdir), name, 'beat'), 'utf8');
  const beat = parseBeat(text);
  return beat === undefined ? [] : [beat];
}

async function readJournal({ sessions }: SessionFixture) {
  const folder = join(sessions, '.sessions/test/journal');
  const names = (await readdir(folder)).filter(name => name.endsWith('.tar.gz'));
  const objects = await Promise.all(names.map(name => readFile(join(folder, name))));
  const pieces: PieceRecord[] = [];
  for (const object of objects) {
    const numbered = await decodeNumbered(object);
    if ('segment' in numbered) pieces.push(...numbered.segment.index.pieces);
  }
  return { objects, pieces };
}

/** User and system time of a process, by proc(5). */
async function cpuSeconds(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return ((user ?? 0) + (system ?? 0)) / CLOCK_TICKS;
}
