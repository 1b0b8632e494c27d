#!/usr/bin/env node
// Builds the session image for real, and runs whole sessions in containers: one line a case. An argument selects the
// cases whose names contain it.
import { errorText } from '../../src/runtime/text.ts';
import { mapParallel } from '../support/parallel.ts';
import type { Case } from './cases/case.ts';
import { endings } from './cases/endings.ts';
import { health } from './cases/health.ts';
import { kills } from './cases/kills.ts';
import { stops } from './cases/stops.ts';
import { openFixture, removeAll } from './container-session.ts';
import type { Docker } from './docker.ts';
import { openEngine } from './engine.ts';
import { buildImages } from './images.ts';
import { inspectImage } from './inspection.ts';

/** Sessions wait most of the time; more at once, and what they have time for depends on the others. */
const AT_ONCE = 3;

const wanted = process.argv[2] ?? '';
const interrupted = Promise.withResolvers<never>();
// It may be rejected before anything waits for it.
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
  await removeAll(docker);
  try {
    const results = await Promise.race([runCases(docker), interrupted.promise]);
    const good = results.filter(Boolean).length;
    console.log(`smoke: ${good} of ${results.length} cases went well, in ${secondsSince(startedMs)} s`);
    return good === results.length && good > 0;
  } finally {
    await removeAll(docker);
  }
}

async function runCases(docker: Docker): Promise<boolean[]> {
  await buildImages(docker, console.log);
  const inspection: Case = { name: 'the image', run: () => inspectImage(docker) };
  const all = [inspection, ...endings, ...stops, ...kills, ...health];
  const selected = all.filter(({ name }) => name.includes(wanted));
  return mapParallel([...selected.entries()], AT_ONCE, ([index, one]) => runCase(docker, one, `${index}`));
}

/** @returns whether it went well. @param id part of the names of its containers */
async function runCase(docker: Docker, { name, run }: Case, id: string): Promise<boolean> {
  const startedMs = performance.now();
  const line = (state: string) =>
    `${state.padEnd(5)} ${name.padEnd(64)} ${secondsSince(startedMs).padStart(5)} s`;
  try {
    await using fixture = await openFixture(docker, id);
    const detail = await run(fixture);
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
