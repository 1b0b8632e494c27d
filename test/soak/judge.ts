import { constants } from 'node:os';
import type { ChildName } from '../../src/config/session-config.ts';
import type { Report } from '../../src/report/schema.ts';
import type { EndReason } from '../../src/session/end-reason.ts';
import type { Evidence, SavedArchive, SentSignal } from './evidence.ts';
import { MOMENTS, naturalCodes, type Plan } from './plan.ts';
import { hasReached, STOP_TIMEOUT_MS } from './run.ts';

/** @returns everything that is wrong with how a session went; nothing when it went right. */
export function judge(plan: Plan, evidence: Evidence): string[] {
  return [
    ...wrongEnd(plan, evidence),
    ...wrongTime(evidence),
    ...wrongLeftovers(evidence),
    ...wrongReport(plan, evidence),
    ...wrongArchive(plan, evidence),
  ];
}

function wrongEnd(plan: Plan, evidence: Evidence): string[] {
  if (diedAtStart(evidence)) return [];
  const codes = rightCodes(plan, evidence);
  const { code, killedBy } = evidence;
  const isRight = killedBy === null && code !== null && codes.includes(code);
  return isRight ? [] : [`ended with ${killedBy ?? code}, not with ${codes.join(' or ')}`];
}

/** A signal that comes before the supervisor's first line of code has its default effect. */
function diedAtStart({ signals: [first], killedBy, log }: Evidence): boolean {
  return first?.after === 'spawn' && killedBy === first.signal && log === '';
}

/** What the supervisor logs at a second signal. */
const ABORTED = '"event":"aborted"';

function rightCodes(plan: Plan, { signals: [first, second], log }: Evidence): number[] {
  const codes = codesWithoutAbort(plan, first);
  const abortedAt = log.indexOf(ABORTED);
  if (second === undefined || abortedAt === -1) return codes;
  const aborted = 128 + constants.signals[second.signal];
  const before = log.slice(0, abortedAt);
  // Once it is saved there is nothing to give up but the report, which may have been sent already.
  const isInTime = !hasReached('over', before) && !before.includes('"event":"archive_saved"');
  return isInTime ? [aborted] : [aborted, ...codes];
}

/** Without a second signal. */
function codesWithoutAbort(plan: Plan, first: SentSignal | undefined): number[] {
  switch (plan.store.archive) {
    case 'saved': {
      const causes = [...naturalCodes(plan), ...(comesBefore(first, 'stopping') ? [0] : [])];
      // What a signal leaves may be too little for a slow store, or for the fallback when the first one has failed.
      const isUrgent = first !== undefined && (plan.store.isSlow === true || plan.store.hasFallback);
      return isUrgent ? [...causes, 20, 21] : causes;
    }
    case 'lost':
      return [20];
    case 'refused':
      // One that is stopped while the store is being checked finds out at its end.
      return [64, ...(comesBefore(first, 'starting') ? [20] : [])];
    default:
      return plan.store.archive satisfies never;
  }
}

function comesBefore(stop: SentSignal | undefined, moment: (typeof MOMENTS)[number]): boolean {
  if (stop === undefined || stop.after === 'signal') return false;
  return MOMENTS.indexOf(stop.after) < MOMENTS.indexOf(moment);
}

/** Signals within a second are one request; a busy supervisor may see them closer together than they were sent. */
const TOGETHER_MS = 1_500;

/** How long it may take to handle a second signal. */
const SIGNAL_MS = 1_000;

function wrongTime({ signals, endedAtMs, log }: Evidence): string[] {
  const [first, second] = signals;
  if (first === undefined) return [];
  const tookMs = endedAtMs - first.atMs;
  const late = tookMs <= STOP_TIMEOUT_MS ? [] : [`took ${Math.round(tookMs)} ms to stop`];
  const wasIgnored =
    second !== undefined &&
    second.atMs - first.atMs > TOGETHER_MS &&
    endedAtMs - second.atMs > SIGNAL_MS &&
    !log.includes(ABORTED);
  return wasIgnored ? [...late, 'ignored the second signal'] : late;
}

function wrongLeftovers({ processesLeft, uploadsLeft, unfinished, stderr, code }: Evidence): string[] {
  return [
    ...processesLeft.map(process => `left the process ${process}`),
    ...(uploadsLeft === 0 ? [] : [`left ${uploadsLeft} uploads open`]),
    ...unfinished.map(name => `left ${name}`),
    ...(stderr === '' || code === 64 || code === 20 ? [] : [`wrote to stderr: ${stderr}`]),
    ...(stderr.includes('uncaught exception') ? [stderr] : []),
  ];
}

/** The exit codes of each end, written a second time on purpose, and not imported from the supervisor. */
const CODES: Readonly<Record<EndReason['kind'], readonly number[]>> = {
  'destination-refused': [64],
  'setup-failed': [13],
  'server-not-startable': [10],
  'server-exited-early': [10],
  'server-never-ready': [10],
  'server-exited': [0, 11],
  'server-ended-by-plugin': [],
  'server-hung': [11],
  'agent-exited': [0, 12],
  signal: [0],
  'max-duration': [0],
  'nobody-joined': [0],
  'everybody-left': [0],
  bug: [],
};

function wrongReport(plan: Plan, evidence: Evidence): string[] {
  if (diedAtStart(evidence)) return [];
  const { report } = evidence;
  if (report === undefined) {
    // What it tells of one that was not started is on the console alone.
    const isUntold = plan.output !== 'read' && plan.store.archive === 'refused';
    return isUntold ? [] : ['there is no report'];
  }
  const { end, saved, exitCode, children, survivors, phases, startedAt, endedAt, incomplete = [] } = report;
  const claims: readonly (readonly [boolean, string])[] = [
    [isAborted(exitCode) || codesOf(end.by, saved).includes(exitCode), `${end.by}, ${saved} is ${exitCode}`],
    [exitCode === evidence.code, `reports ${exitCode}, and is ${evidence.code}`],
    [end.by !== 'signal' || evidence.signals.length > 0, 'reports a signal that was not sent'],
    [end.by !== 'agent-exited' || plan.agent.end !== undefined, 'the agent does not end by itself'],
    [end.by !== 'server-exited' || plan.server.end !== undefined, 'the server does not end by itself'],
    [children.every(({ exit }) => exit !== undefined), 'a child could not be killed'],
    [survivors.every(({ killed }) => killed), 'a survivor could not be killed'],
    [
      incomplete.length > 0 || !children.some(({ stoppedBy }) => stoppedBy.includes('SIGKILL')),
      'a child was killed, and nothing is said of what may be missing',
    ],
    [phases.every(({ ms }) => ms >= 0) && startedAt <= endedAt, 'its times run backwards'],
    [end.by === 'destination-refused' || evidence.reports.length > 0, 'session.json is nowhere'],
  ];
  return claims.filter(([holds]) => !holds).map(([, fault]) => `report: ${fault}`);
}

function codesOf(by: Report['end']['by'], saved: Report['saved']): readonly number[] {
  return saved === 'lost' ? [20] : saved === 'journal' ? [21] : (CODES[by as EndReason['kind']] ?? []);
}

function isAborted(code: number | null): boolean {
  return code !== null && code > 128;
}

function wrongArchive({ setup, server, agent, store }: Plan, evidence: Evidence): string[] {
  const { archives, journal, signals, report, code } = evidence;
  const [archive, another] = archives;
  if (report?.saved !== 'archive') {
    // An upload that is aborted may be complete without its answer.
    return archive === undefined || isAborted(code) ? [] : ['an archive that is reported lost lies there'];
  }
  if (archive === undefined) return ['the archive is not there'];
  if (another !== undefined) return ['there are two archives'];
  if (journal > 0 && signals.length === 0 && !store.hasFallback)
    return [`${journal} files of its journal lie there`];
  const started = new Set(report.children.filter(({ pid }) => pid !== undefined).map(({ name }) => name));
  const plans = { setup, server, agent };
  const leaves = [...started].flatMap(name => plans[name as ChildName]?.leaves ?? []);
  return wrongContent(archive, report, ['supervisor.log', ...leaves]);
}

function wrongContent(
  { bytes, sha256, names }: SavedArchive,
  { archive }: Report,
  leaves: string[],
): string[] {
  if ('fault' in names) return [`tar: ${names.fault}`];
  return [
    ...leaves.filter(name => !names.includes(name)).map(name => `the archive holds no ${name}`),
    ...(bytes === archive?.bytes ? [] : [`the archive has ${bytes} bytes, not ${archive?.bytes}`]),
    ...(sha256 === archive?.sha256 ? [] : ['the archive has another sha256 than reported']),
  ];
}
