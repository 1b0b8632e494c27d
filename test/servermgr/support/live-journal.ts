import { randomUUID } from 'node:crypto';
import { formatStatus, JOURNAL_FORMAT, STATUS_KEY, segmentKey } from '../../../src/journal/format/schema.ts';
import { checksum } from '../../../src/journal/format/segment.ts';
import { nameOf, newId } from '../../../src/servermgr/session-id.ts';
import { openDirectoryStore } from '../../../src/store/directory.ts';
import { about, patient } from '../../support/journal.ts';
import { piece, putSegments, segment } from '../../support/segments.ts';

/** A session that runs, with a journal of so many segments of ten lines each. */
export async function startJournal(folder: string, count: number, name = nameOf(newId(Date.now())) ?? '') {
  const prefix = `.sessions/${name}/journal`;
  const store = openDirectoryStore(folder);
  const run = randomUUID();
  let offset = 0;
  const changes = (text: string) => {
    const pieces = [piece('agent.log', text, { offset })];
    offset += Buffer.byteLength(text);
    return { run, pieces };
  };
  const segments = Array.from({ length: count }, (_, part) =>
    changes(Array.from({ length: 10 }, (_, line) => `line ${part * 10 + line} <b>&\n`).join('')),
  );
  const objects = await putSegments(store, segments, prefix);
  const say = (state: 'writing' | 'finished') => {
    const status = formatStatus({
      ...{ format: JOURNAL_FORMAT, run, state, sequence: count, about, intervalMs: 50, heartbeatMs: 60_000 },
      coveredUntil: new Date().toISOString(),
      waiting: { files: 0, bytes: 0, paths: [] },
    });
    return store.put(`${prefix}/${STATUS_KEY}`, Buffer.from(status), { signal: patient });
  };
  await say('writing');
  return {
    name,
    async write(text: string): Promise<void> {
      const last = objects.at(-1);
      const object = await segment(objects.length + 1, changes(text), last && checksum([last]));
      objects.push(object);
      await store.put(`${prefix}/${segmentKey(objects.length)}`, object, { signal: patient });
    },
    end: () => say('finished'),
  };
}
