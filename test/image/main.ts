#!/usr/bin/env node
// Builds the session image for real, and plays whole sessions in containers: one line a case. An argument chooses the
// cases whose names hold it.
import { errorText } from '../../src/runtime/text.ts';
import type { Case } from './cases/case.ts';
import { endings } from './cases/endings.ts';
import { health } from './cases/health.ts';
import { kills } from './cases/kills.ts';
import { stops } from './cases/stops.ts';
import type { Docker } from './docker.ts';
import { openEngine } from './engine.ts';
import { buildImages } from './images.ts';
import { inspectImage } from './inspection.ts';
import { clear, openTheatre } from './theatre.ts';

/** Sessions wait most of the time. */
const AT_ONCE = 4;

const wanted = process.argv[2] ?? '';
const interrupted = Promise.withResolvers<never>();
// It may come before anybody waits for it.
interrupted.promise.catch(() => undefined);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.reject(new Error(`${signal} was received`)));
}
const isGood = await smoke().catch(error => {
  console.error(`smoke: ${errorText(error)}`);
  return false;
});
// Cases that were interrupted would go on.
process.exit(isGood ? 0 : 1);

async function smoke(): Promise<boolean> {
  const startedMs = performance.now();
  await using engine = await openEngine();
  const { docker } = engine;
  console.log(`smoke: ${engine.about}`);
  await clear(docker);
  try {
    const results = await Promise.race([play(docker), interrupted.promise]);
    const good = results.filter(Boolean).length;
    console.log(`smoke: ${good} of ${results.length} cases went well, in ${secondsSince(startedMs)} s`);
    return good === results.length && good > 0;
  } finally {
    await clear(docker);
  }
}

async function play(docker: Docker): Promise<boolean[]> {
  await buildImages(docker, console.log);
  const inspection: Case = { name: 'the image', play: () => inspectImage(docker) };
  const all = [inspection, ...endings, ...stops, ...kills, ...health];
  const waiting = [...all.filter(({ name }) => name.includes(wanted)).entries()];
  const results: boolean[] = [];
  const playOn = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, one] = next;
      results[index] = await playOne(docker, one, `${index}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, playOn));
  return results;
}

async function playOne(docker: Docker, { name, play }: Case, id: string): Promise<boolean> {
  const startedMs = performance.now();
  const line = (state: string) =>
    `${state.padEnd(5)} ${name.padEnd(64)} ${secondsSince(startedMs).padStart(5)} s`;
  try {
    await using theatre = await openTheatre(docker, id);
    const detail = await play(theatre);
    console.log(`${line('ok')}  ${detail}`);
    return true;
  } catch (error) {
    console.log(`${line('FAIL')}  ${errorText(error)}`);
    return false;
  }
}

function secondsSince(startedMs: number): string {
  return ((performance.now() - startedMs) / 1_000).toFixed(1);
}
