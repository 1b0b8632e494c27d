import { randomUUID } from 'node:crypto';
import {
  formatStatus,
  JOURNAL_FORMAT,
  type JournalAbout,
  type JournalStatus,
  STATUS_KEY,
} from '../../src/journal/format/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../store/s3/support.ts';
import { withoutFences } from './fences.ts';
import { about, patient } from './journal.ts';
import type { S3Server } from './s3-server.ts';
import { piece, putSegments } from './segments.ts';

/** Puts the journals of sessions that were killed, each with what it says of its session. */
export async function putJournals(
  s3: S3Server,
  journals: Readonly<Record<string, Partial<JournalAbout>>>,
  state?: JournalStatus['state'],
): Promise<void> {
  const store = await openTestStore(s3.url, { prefix: 'sessions' });
  await putJournalsAt(store, journals, state);
  store.close();
}

/** The same, at any store. */
export async function putJournalsAt(
  store: Store,
  journals: Readonly<Record<string, Partial<JournalAbout>>>,
  state?: JournalStatus['state'],
): Promise<void> {
  for (const [prefix, says] of Object.entries(journals)) {
    const changes = { run: randomUUID(), about: { ...about, ...says } };
    const tree = {
      folders: [{ path: 'world', mode: 0o755 }],
      links: [{ path: 'latest', target: 'world' }],
      pieces: [piece('world/region.mca', 'blocks')],
    };
    await putSegments(store, [changes, { ...changes, ...tree }], prefix);
    if (state === undefined) continue;
    const status = formatStatus({ ...STATUS, ...changes, state });
    await store.put(`${prefix}/${STATUS_KEY}`, Buffer.from(status), { signal: patient });
  }
}

const STATUS: Omit<JournalStatus, 'run' | 'about' | 'state'> = {
  format: JOURNAL_FORMAT,
  sequence: 2,
  intervalMs: 2_000,
  heartbeatMs: 60_000,
  coveredUntil: new Date().toISOString(),
  waiting: { files: 0, bytes: 0, paths: [] },
};

/** Keys of the tests' bucket, but for the fences that stay where a journal was. */
export function keysWithoutFences(s3: S3Server, keys: readonly string[]): Promise<string[]> {
  return withoutFences(keys, async key =>
    Buffer.from(await (await fetch(`${s3.url}/bucket/${key}`)).arrayBuffer()),
  );
}
