import { expect, test } from 'vitest';
import type { SessionView } from '../../../src/servermgr/fleet/view.ts';
import { outcomeOf } from '../../../src/servermgr/studies/outcome.ts';
import type { Study } from '../../../src/servermgr/studies/study.ts';

const NOON = Date.parse('2026-11-28T12:00:00Z');
const MINUTE = 60_000;
const STUDY = { settings: { minimumMinutes: 10 } } as Study;

const report = (exitCode: number | undefined) => ({ exitCode });

/** @param ended how it ended; undefined: it has not */
function sessionOf(phase: SessionView['phase'], minutes: number, ended?: object): SessionView {
  const end = ended && {
    atMs: NOON,
    text: '',
    cause: undefined,
    stopped: undefined,
    report: undefined,
    ...ended,
  };
  return { phase, presentMs: minutes * MINUTE, ended: end } as SessionView;
}

test.each([
  ['one that runs', sessionOf('ready', 30), undefined],
  ['one that is ending, long enough', sessionOf('ending', 10), 'finished'],
  ['one that is ending, too early to tell', sessionOf('ending', 9), undefined],
  ['one that died when it was long enough', sessionOf('ended', 11, {}), 'finished'],
  ['one that ended by itself too early', sessionOf('ended', 9, { report: report(0) }), 'incomplete'],
  ['one that nobody joined', sessionOf('ended', 0, { report: report(0) }), 'incomplete'],
  ['one whose agent crashed', sessionOf('ended', 9, { report: report(20) }), 'technical'],
  ['one that was cut off, and recovered', sessionOf('ended', 9, { report: report(undefined) }), 'technical'],
  ['one that never started', sessionOf('failed', 0, { report: report(10) }), 'technical'],
  ['one that its participant ended', sessionOf('ended', 9, { stopped: 'visitor' }), 'incomplete'],
  [
    'one that its participant ended before it was ready',
    sessionOf('failed', 0, { stopped: 'visitor' }),
    'incomplete',
  ],
  [
    'one that an administrator stopped',
    sessionOf('ended', 9, { stopped: 'admin', report: report(0) }),
    'technical',
  ],
] as const)('of %s it is known what became of it', (_, view, outcome) => {
  expect(outcomeOf(STUDY, view, NOON + 1_000)).toBe(outcome);
});

test('a session that has left no report is waited for, for a minute', () => {
  const lost = sessionOf('ended', 9, {});
  expect(outcomeOf(STUDY, lost, NOON + 59_000)).toBeUndefined();
  expect(outcomeOf(STUDY, lost, NOON + 61_000)).toBe('technical');
});

test('a study that asks for no time asks for somebody all the same', () => {
  const study = { settings: { minimumMinutes: 0 } } as Study;
  expect(outcomeOf(study, sessionOf('ended', 0, { report: report(0) }), NOON)).toBe('incomplete');
  expect(outcomeOf(study, sessionOf('ended', 0.01, { report: report(0) }), NOON)).toBe('finished');
});
