import { expect, test } from 'vitest';
import { readSavedReport } from '../../src/report/saved-report.ts';
import { viewOfReport } from '../../src/servermgr/fleet/view.ts';
import { roughDurationText } from '../../src/servermgr/web/labels.ts';
import { waitView } from '../../src/servermgr/web/pages/wait-view.ts';
import type { EndReason } from '../../src/session/end-reason.ts';

/** All that the supervisor may write: the compiler asks for a new one. */
const ENDS: Readonly<Record<EndReason['kind'], string>> = {
  'destination-refused': 'nothing was started: 403',
  'setup-failed': 'setup failed: it exited with 1',
  'server-not-startable': 'the server was not started: ENOENT',
  'server-exited-early': 'the server exited with 1 before it was ready',
  'server-never-ready': 'the server answered no ping within 60 s; at last: ECONNREFUSED',
  'server-exited': 'the server exited with 1',
  'server-ended-by-plugin': 'the plug-in Core ended the server, which was ended by SIGABRT',
  'server-hung': 'the server hung for 30 s: its beat',
  'agent-exited': 'the agent was ended by SIGKILL',
  signal: 'SIGTERM was received',
  'max-duration': 'the maximum duration was reached',
  'nobody-joined': 'nobody joined in time',
  'everybody-left': 'everybody had left',
  bug: 'the supervisor has a bug: undefined is not a function',
};

test.each(Object.entries(ENDS))('how a session ended is told in plain words: %s', (by, text) => {
  const report = readSavedReport(JSON.stringify({ saved: 'archive', exitCode: 0, end: { by, text } }));
  const { detail } = waitView(viewOfReport('2026-11-22', 0, report));
  expect(detail).toMatch(/^[A-Z][a-z :]+\.$/);
  expect(detail).not.toMatch(/server|exit|ping|plug-in|supervisor|SIG|code|maximum/);
});

test('what nobody has told is not made up, and an end that is not known is told as it was written', () => {
  const detailOf = (json: object | undefined) =>
    waitView(viewOfReport('2026-11-22', 0, json && readSavedReport(JSON.stringify(json)))).detail;
  expect(detailOf(undefined)).toBe('It has left no word of how it ended.');
  const later = { saved: 'archive', exitCode: 0, end: { by: 'of-a-later-version', text: 'it rained' } };
  expect(detailOf(later)).toBe('It rained.');
});

test('what a launch usually takes, and the version to have, are there while it starts', () => {
  const view = { ...viewOfReport('2026-11-22', 0, undefined), phase: 'starting', progress: 30 } as const;
  expect(waitView(view)).toMatchObject({ usual: '', version: '', asked: '1970-01-01T00:00:00.000Z' });
  const usual = { readyAfterMs: 100_000, version: '1.12.2' };
  expect(waitView({ ...view, usual })).toMatchObject({ usual: '1 min 40 s', version: '1.12.2' });
  expect(waitView({ ...view, usual, version: '1.16.5' }).version).toBe('1.16.5');
});

test('rough durations have no zeros', () => {
  expect([5_000, 60_000, 95_000, 3_600_000].map(roughDurationText)).toEqual([
    ...['5 s', '1 min', '1 min 35 s', '1 h'],
  ]);
});
