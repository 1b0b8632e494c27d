import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { followFile } from '../../../src/journal/reader/tail.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture, patient } from '../../support/journal.ts';
import { piece, putSegments } from '../../support/segments.ts';

describe('following a file in a journal', () => {
  test('gives its lines while the session runs, and ends with it', async () => {
    const { work, destination, start } = await openJournalFixture();
    const log = join(work, 'agent.log');
    await writeFile(join(work, 'other.log'), 'not asked for\n');
    const journal = start({ intervalMs: 20 });
    await eventually(() => journal.report().segments > 0);
    let seen = '';
    const following = (async () => {
      const followed = followFile({
        destination,
        prefix: 'now/journal',
        path: 'agent.log',
        follow: true,
        signal: patient,
      });
      for await (const part of followed)
        seen += part.kind === 'bytes' ? part.bytes.toString() : `<${part.kind}>`;
    })();
    await appendFile(log, 'one\n');
    await eventually(() => seen === 'one\n');
    await appendFile(log, 'two\n');
    await eventually(() => seen === 'one\ntwo\n');
    await truncate(log);
    await appendFile(log, 'anew\n');
    await eventually(() => seen === 'one\ntwo\n<anew>anew\n');
    await appendFile(log, 'last\n');
    await journal.finish(patient);
    await following;
    expect(seen).toBe('one\ntwo\n<anew>anew\nlast\n');
  });

  test('tells of what is missing in it', async () => {
    const { destination } = await openJournalFixture();
    await putSegments(destination, [
      { pieces: [piece('agent.log', 'one\n')] },
      { pieces: [piece('agent.log', 'three\n', { offset: 8 })] },
    ]);
    await destination.put('now/journal/00000003.tar.gz', Buffer.from('not a segment'), { signal: patient });
    const parts = [];
    const options = { destination, prefix: 'now/journal', path: 'agent.log', follow: false, signal: patient };
    for await (const part of followFile(options)) parts.push(part);
    expect(parts).toEqual([
      { kind: 'bytes', bytes: Buffer.from('one\n') },
      { kind: 'gap', bytes: 4 },
      { kind: 'bytes', bytes: Buffer.from('three\n') },
      { kind: 'problem', segment: '00000003.tar.gz', why: expect.stringMatching(/^it is damaged/) },
    ]);
  });
});
