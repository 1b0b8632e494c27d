import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { Report } from '../../src/report/schema.ts';
import { withoutFences } from '../support/fences.ts';
import type { Ended, Store } from './container-session.ts';

/** Where the image saves to by default, inside its bucket. */
export const PREFIX = 'turk_interactions_with_agent';

/** What a session has left in its store. */
export interface Evidence {
  readonly report: Report;
  readonly archiveBytes: number;
  /** The names in its archive. */
  readonly names: readonly string[];
  /** The content of a file in its archive. */
  file(name: string): string;
}

/** Reads what was saved of a session. @throws when there is no archive, or something unfinished, or beside it. */
export async function readEvidence(store: Store, session: string): Promise<Evidence> {
  const { objects, uploads } = await store.state();
  assert.deepEqual(uploads, [], 'uploads were left open');
  const folder = `${PREFIX}/${session}`;
  const apart = `${PREFIX}/.sessions/${session}`;
  const keys = objects
    .map(({ key }) => key)
    .filter(key => [folder, apart].some(place => key.startsWith(`${place}/`)));
  const left = await withoutFences(keys, key => store.get(key));
  const beside = ['archive-index.jsonl.gz', 'claim.json', 'session.json'].map(name => `${apart}/${name}`);
  const expected = [...beside, `${folder}/logs.tar.gz`];
  assert.deepEqual(left.sort(), expected, 'what is in the store');
  const archive = await store.get(`${folder}/logs.tar.gz`);
  const tar = (...args: string[]) =>
    execFileSync('tar', args, { input: archive, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return {
    report: JSON.parse((await store.get(`${apart}/session.json`)).toString()),
    archiveBytes: archive.length,
    names: tar('-tz').trim().split('\n'),
    file: name => tar('-xzO', name),
  };
}

/** While the archive is uploaded, only the init and the supervisor may run, and no zombie may be left. */
export function assertAlone({ lastProcesses }: Ended): void {
  const others = lastProcesses?.filter(line => !line.includes('/opt/craftassist-session/'));
  assert.deepEqual(others, [], 'processes left at the end');
}

/** Whether the archive holds the world and both children's logs, as that of every session whose agent ran. */
export function assertRan(evidence: Evidence): void {
  const { names } = evidence;
  for (const name of [
    'agent.log',
    'cuberite_process.log',
    'supervisor.log',
    'cuberite/world/region/r.0.0.mca',
  ]) {
    assert.ok(names.includes(name), `${name} is not in the archive: ${names.join(' ')}`);
  }
  assertLinesWhole(evidence);
}

/** The agent numbers its lines from 1 on. */
export function assertLinesWhole({ file }: Evidence): void {
  const lines = file('agent.log').split('\n').slice(0, -1);
  const numbers = lines.map(line => Number.parseInt(line, 10));
  assert.ok(numbers.length > 0, 'the agent has logged nothing');
  assert.deepEqual(
    numbers,
    Array.from(numbers.keys(), index => index + 1),
  );
}
