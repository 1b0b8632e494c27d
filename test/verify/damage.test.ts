/**
 * @module-tag slow
 */
import { cp, mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { verify } from '../../src/cli/verify.ts';
import { seal } from '../../src/journal/format/sealed.ts';
import type { FindingKind } from '../../src/verify/finding.ts';
import { openFolder, runCommand } from '../catalogue/support.ts';
import { placeIn, playBeforeAll, YESTERDAY } from '../support/placed-sessions.ts';
import type { EndingName } from '../support/sessions-of-every-ending.ts';

const { objectsOf, nameOf } = playBeforeAll();

/** A folder `sessions` in which sessions that ended so lie, as if they had been saved there. */
async function placed(...endings: readonly EndingName[]): Promise<string> {
  const folder = await openFolder();
  await placeIn(join(folder, 'sessions'), endings.flatMap(objectsOf));
  return folder;
}

/** Where the parts of one session lie. */
interface Places {
  readonly folder: string;
  readonly name: string;
  readonly archive: string;
  readonly report: string;
  readonly journal: string;
}

function placesOf(folder: string, ending: EndingName): Places {
  const name = nameOf(ending);
  const root = join(folder, 'sessions');
  const own = join(root, '.sessions', name);
  return {
    ...{ folder, name },
    archive: join(root, name, 'logs.tar.gz'),
    report: join(own, 'session.json'),
    journal: join(own, 'journal'),
  };
}

async function changeReport(
  { report }: Places,
  change: (fields: Record<string, unknown>) => unknown,
): Promise<void> {
  await writeFile(report, JSON.stringify(change(JSON.parse(await readFile(report, 'utf8')))));
}

const changeArchiveFields = (places: Places, fields: Readonly<Record<string, unknown>>) =>
  changeReport(places, report => ({ ...report, archive: Object.assign({}, report.archive, fields) }));

async function flipByte(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[Math.floor(bytes.length * at)] = (bytes[Math.floor(bytes.length * at)] ?? 0) ^ 0x55;
  await writeFile(file, bytes);
  // Else its session would seem to run.
  await utimes(file, YESTERDAY, YESTERDAY);
}

const WHOLE = ['saved', 'failed', 'neverReady', 'ofExperiment', 'recovered'] as const;

test('in what is whole nothing is found', async () => {
  const folder = await placed(...WHOLE);
  const { code, lines, stderr } = await runCommand(verify, folder, ['sessions']);
  expect(lines).toEqual([]);
  expect(stderr).toEqual([expect.stringMatching(/^5 sessions read, [\d.]+ KiB, no fault$/)]);
  expect(code).toBe(0);
  const newer = await runCommand(verify, await placed('reportNewer'), ['sessions']);
  expect(newer).toMatchObject({ code: 0, lines: [] });
});

interface Damage {
  readonly of: EndingName;
  readonly inflict?: (places: Places) => Promise<unknown>;
  readonly finds: readonly FindingKind[];
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  'an archive that was deleted': {
    of: 'saved',
    inflict: ({ archive }) => rm(archive),
    finds: ['archive-missing'],
  },
  'an archive that was cut': {
    of: 'saved',
    inflict: async ({ archive }) => writeFile(archive, (await readFile(archive)).subarray(0, -20)),
    finds: ['archive-size', 'archive-damaged'],
  },
  'an empty archive': {
    of: 'saved',
    inflict: ({ archive }) => writeFile(archive, ''),
    finds: ['archive-size', 'archive-damaged'],
  },
  'an archive of which a byte has changed': {
    of: 'saved',
    inflict: ({ archive }) => flipByte(archive, 0.5),
    finds: ['archive-damaged'],
  },
  'an archive of which the head has changed': {
    of: 'saved',
    inflict: ({ archive }) => flipByte(archive, 0),
    finds: ['archive-damaged'],
  },
  'an archive whose checksum has changed': {
    of: 'saved',
    inflict: async ({ archive }) => {
      const bytes = await readFile(archive);
      await writeFile(archive, Buffer.concat([bytes.subarray(0, -8), Buffer.alloc(8, 1)]));
    },
    finds: ['archive-damaged'],
  },
  'an archive to which something was appended': {
    of: 'saved',
    inflict: async ({ archive }) =>
      writeFile(archive, Buffer.concat([await readFile(archive), Buffer.alloc(9)])),
    finds: ['archive-size', 'archive-digest'],
  },
  'another archive in its place': {
    of: 'saved',
    inflict: async places => {
      const zeros = gzipSync(Buffer.alloc(20_000_000));
      await writeFile(places.archive, zeros);
      await changeArchiveFields(places, { bytes: zeros.length });
    },
    finds: ['archive-digest'],
  },
  'a text in place of an archive': {
    of: 'saved',
    inflict: async places => {
      await writeFile(places.archive, 'x'.repeat(5_000));
      await changeArchiveFields(places, { bytes: 5_000 });
    },
    finds: ['archive-damaged'],
  },
  'a report of another archive': {
    of: 'saved',
    inflict: places => changeArchiveFields(places, { sha256: 'ab'.repeat(32) }),
    finds: ['archive-digest'],
  },
  'a report of more files than the archive has': {
    of: 'saved',
    inflict: places => changeArchiveFields(places, { files: 99 }),
    finds: ['archive-content'],
  },
  'a report that was deleted': {
    of: 'saved',
    inflict: ({ report }) => rm(report),
    finds: ['report-missing'],
  },
  'a report that was cut': { of: 'reportCut', finds: ['report-damaged'] },
  'a report that is none': {
    of: 'saved',
    inflict: ({ report }) => writeFile(report, '[]'),
    finds: ['report-damaged'],
  },
  'a session that has left its claim alone': { of: 'claimOnly', finds: ['incomplete'] },
  'a session that was never recovered': { of: 'killed', finds: ['not-recovered'] },
  'a journal of which a segment is gone': {
    of: 'killed',
    inflict: ({ journal }) => rm(join(journal, '00000001.tar.gz')),
    finds: ['not-recovered', 'journal-damaged'],
  },
  'a journal of which a byte has changed': {
    of: 'killed',
    inflict: ({ journal }) => flipByte(join(journal, '00000001.tar.gz'), 0.5),
    finds: ['not-recovered', 'journal-damaged'],
  },
  'a journal that its report tells of, and that is gone': {
    of: 'inJournal',
    inflict: ({ journal }) => rm(journal, { recursive: true }),
    finds: ['journal-missing'],
  },
  'the journal of a session that is saved': {
    of: 'saved',
    inflict: async places => {
      const { folder, journal } = places;
      const other = await placed('inJournal');
      await cp(placesOf(other, 'inJournal').journal, journal, { recursive: true });
      await changeReport(places, ({ run: _, ...rest }) => rest);
      return folder;
    },
    finds: ['journal-left'],
  },
  'the journal of a session whose report is gone': {
    of: 'saved',
    inflict: async ({ report, journal }) => {
      const other = await placed('inJournal');
      await cp(placesOf(other, 'inJournal').journal, journal, { recursive: true });
      const status = join(journal, 'status.json');
      const { seal: _, ...fields } = JSON.parse(await readFile(status, 'utf8'));
      await writeFile(status, seal({ ...fields, state: 'saved' }));
      await rm(report);
    },
    finds: ['journal-left'],
  },
  'a session that could not be saved': { of: 'lost', finds: ['lost'] },
  'an archive that lacks part of its journal': { of: 'damaged', finds: ['archive-incomplete'] },
  'a session that lies there twice': {
    of: 'saved',
    inflict: async ({ folder, name }) => {
      const at = (...parts: readonly string[]) => join(folder, 'sessions', ...parts);
      await cp(at('.sessions', name), at('copy', '.sessions', name), { recursive: true });
      await cp(at(name), at('copy', name), { recursive: true });
    },
    finds: ['twice'],
  },
  'a second archive of a session': {
    of: 'saved',
    inflict: ({ folder, name, archive }) =>
      cp(archive, join(folder, 'sessions', 'other', name, 'logs.tar.gz'), { recursive: true }),
    finds: ['twice', 'report-missing'],
  },
  'an index that was cut': {
    of: 'saved',
    inflict: async ({ report }) => {
      const index = join(dirname(report), 'archive-index.jsonl.gz');
      await writeFile(index, (await readFile(index)).subarray(0, -20));
    },
    finds: ['index-damaged'],
  },
  'an upload that was never ended': {
    of: 'saved',
    inflict: async ({ folder }) => {
      const part = join(folder, 'sessions', 'gone', 'logs.tar.gz.part');
      await mkdir(dirname(part));
      await writeFile(part, 'half');
      await utimes(part, YESTERDAY, YESTERDAY);
    },
    finds: ['upload-open'],
  },
};

test.each(Object.keys(DAMAGES))('%s is found, and nothing else is', async what => {
  const { of, inflict, finds } = DAMAGES[what] ?? { of: 'saved', finds: [] };
  const folder = await placed('failed', of);
  await inflict?.(placesOf(folder, of));
  const { code, lines } = await runCommand(verify, folder, ['--json', 'sessions']);
  const found = lines.map(line => JSON.parse(line));
  expect(found.map(({ kind }) => kind).toSorted()).toEqual([...finds].toSorted());
  for (const { session, remedy, kind } of found) {
    expect(remedy).toMatch(/\w/);
    if (kind !== 'upload-open') expect(session).toBe(nameOf(of));
  }
  expect(code).toBe(22);
});

test('each fault is told with its remedy, and one session can be verified alone', async () => {
  const folder = await placed('saved', 'killed');
  await rm(placesOf(folder, 'saved').archive);
  const { code, lines, stderr } = await runCommand(verify, folder, [`sessions/${nameOf('killed')}`]);
  expect(lines).toEqual([
    `${nameOf('killed')}: only its journal holds it`,
    `    craftassist-session recover file://${folder}/sessions/${nameOf('killed')}`,
  ]);
  expect({ code, stderr }).toEqual({ code: 22, stderr: ['1 session read, 0 B, one fault'] });
});

test('a run goes on where one before was, and reads again what has changed', async () => {
  const folder = await placed('saved', 'failed', 'killed');
  await runCommand(verify, folder, ['sessions']);
  const again = await runCommand(verify, folder, ['--resume', 'sessions']);
  expect(again.stderr).toEqual(['1 session read, 0 B, 2 found whole before, one fault']);
  const { archive } = placesOf(folder, 'failed');
  await flipByte(archive, 0.5);
  await utimes(archive, new Date(), new Date());
  const changed = await runCommand(verify, folder, ['--resume', '--json', 'sessions']);
  expect(changed.lines.map(line => JSON.parse(line).kind).toSorted()).toEqual([
    'archive-damaged',
    'not-recovered',
  ]);
});

test('of a sample archives are read, and of all others what tells without reading', async () => {
  const folder = await placed('saved', 'failed', 'neverReady', 'killed');
  const { stderr, lines } = await runCommand(verify, folder, ['--sample', '25%', 'sessions']);
  expect(stderr.join()).toMatch(/^1 session read, .*, 3 not in the sample, one fault$/);
  expect(lines).toHaveLength(2);
  const wrong = await runCommand(verify, folder, ['--sample', '5', 'sessions']);
  expect(wrong).toMatchObject({
    code: 64,
    stderr: [expect.stringContaining('write a percentage, such as 5%')],
  });
});

test('a folder in which there is no session is told', async () => {
  const folder = await placed('saved');
  await rename(join(folder, 'sessions'), join(folder, 'moved'));
  await mkdir(join(folder, 'sessions'));
  const { code, stderr } = await runCommand(verify, folder, ['sessions']);
  expect({ code, stderr }).toEqual({
    code: 66,
    stderr: [expect.stringMatching(/there is no session at sessions/)],
  });
});
