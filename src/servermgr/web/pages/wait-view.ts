import type { SessionView } from '../../fleet/view.ts';
import {
  addressText,
  agentText,
  bytesText,
  dashboardUrl,
  durationText,
  peopleText,
  roughDurationText,
} from '../labels.ts';
import { plainEnd } from '../plain-end.ts';

/**
 * The moving part of the waiting page, as texts: the server fills the page with them, and events bring them up to
 * date. Moments are ISO 8601; the page counts from and to them by itself.
 */
export interface WaitView {
  readonly phase: SessionView['phase'];
  readonly progress: number;
  readonly headline: string;
  readonly detail: string;
  readonly address: string;
  /** A URL; empty: there is none. */
  readonly dashboard: string;
  /** Minecraft's, which one has to have; empty: that is not known yet. */
  readonly version: string;
  readonly people: string;
  /** Whether it plays; empty: that is not known. */
  readonly agent: string;
  /** When it was asked for. */
  readonly asked: string;
  /** How long it usually takes until it is ready; empty: that is not known. */
  readonly usual: string;
  readonly since: string;
  /** When its time is over. */
  readonly ends: string;
  /** When it ends by itself if nobody comes. */
  readonly until: string;
  readonly waitsFor: string;
  readonly archive: string;
  readonly incomplete: string;
  /** Since when nothing new is known of the machine; empty: what is shown is new. */
  readonly known: string;
}

const STEPS = {
  30: 'A computer for your world is being looked for.',
  50: 'A computer has been found, and is being prepared.',
  75: 'The computer is there; the game is being started on it.',
  90: 'The game has started, and is loading your world.',
  95: 'The game is ready; the agent’s dashboard is almost there.',
  100: 'Your world is there.',
} as const;

/** What exactly, and why, operators are told. */
const MAY_LACK = 'Some of what was played at its end may be missing.';

export function waitView(view: SessionView): WaitView {
  const { phase, progress, address, dashboard, ended, readyMs, wait } = view;
  return {
    phase,
    progress,
    headline: headlineOf(view),
    detail: detailOf(view),
    address: address === undefined ? '' : addressText(address),
    dashboard: dashboard === undefined ? '' : dashboardUrl(dashboard),
    version: view.version ?? view.usual?.version ?? '',
    people: peopleText(view.people, view),
    agent: agentText(view.agentInGame),
    asked: momentOf(view.requestedMs),
    usual: view.usual?.readyAfterMs === undefined ? '' : roughDurationText(view.usual.readyAfterMs),
    since: phase === 'ready' ? momentOf(readyMs) : '',
    ends: momentOf(view.endsMs),
    until: momentOf(wait?.untilMs),
    waitsFor: wait?.for ?? '',
    archive: archiveText(ended),
    incomplete: ended?.report?.incomplete.length ? MAY_LACK : '',
    known: momentOf(view.knownMs),
  };
}

function momentOf(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString();
}

function headlineOf({ phase }: SessionView): string {
  switch (phase) {
    case 'starting':
      return 'Your server is starting';
    case 'ready':
      return 'Your server is ready';
    case 'ending':
      return 'Your session is ending';
    case 'ended':
      return 'Your session is over';
    case 'failed':
      return 'Your server did not start';
    default:
      return phase satisfies never;
  }
}

function detailOf(view: SessionView): string {
  const { phase, progress, name } = view;
  switch (phase) {
    case 'starting':
      return STEPS[progress];
    case 'ready':
      return 'Open Minecraft, choose Multiplayer, then Direct Connection, and enter this address.';
    case 'ending':
      return 'What was recorded is being saved. There is nothing that you need to do.';
    case 'ended':
      return sentence(plainEnd(view) ?? '');
    case 'failed':
      return `${sentence(plainEnd(view) ?? '')} If that happens again, tell those who have invited you its name: ${name}.`;
    default:
      return phase satisfies never;
  }
}

function archiveText(ended: SessionView['ended']): string {
  const report = ended?.report;
  if (report === undefined) return '';
  const { startedMs, endedMs } = report;
  const known = startedMs !== undefined && endedMs !== undefined;
  const long = known ? `${durationText(endedMs - startedMs)} in all` : undefined;
  const people =
    report.peak === undefined
      ? undefined
      : report.peak === 0
        ? 'nobody joined'
        : `${peopleText(report.peak)} at most`;
  const saved =
    report.archive === undefined ? 'nothing was saved' : `${bytesText(report.archive.bytes)} saved`;
  return [long, people, saved].filter(part => part !== undefined).join(' · ');
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
