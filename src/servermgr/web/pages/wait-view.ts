import type { SessionView, Wait } from '../../fleet/view.ts';
import { addressText, agentText, bytesText, dashboardUrl, durationText, peopleText } from '../labels.ts';

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
  readonly version: string;
  readonly people: string;
  /** Whether it plays; empty: that is not known. */
  readonly agent: string;
  readonly since: string;
  readonly until: string;
  readonly waitsFor: string;
  readonly archive: string;
  readonly incomplete: string;
  /** Since when nothing new is known of the machine; empty: what is shown is new. */
  readonly known: string;
}

const STEPS = {
  30: 'Asking for a machine.',
  50: 'A machine has been found; it is being prepared.',
  75: 'The machine has its address; the game is being started.',
  90: 'The game is almost there.',
  95: 'The game answers; the agent’s dashboard is almost there.',
  100: 'The server answers.',
} as const;

export function waitView(view: SessionView): WaitView {
  const { phase, progress, address, dashboard, ended, readyMs, wait } = view;
  return {
    phase,
    progress,
    headline: headlineOf(view),
    detail: detailOf(view),
    address: address === undefined ? '' : addressText(address),
    dashboard: dashboard === undefined ? '' : dashboardUrl(dashboard),
    version: view.version ?? '',
    people: peopleText(view.people, view),
    agent: agentText(view.agentInGame),
    since: phase === 'ready' && readyMs !== undefined ? new Date(readyMs).toISOString() : '',
    until: wait === undefined ? '' : new Date(wait.untilMs).toISOString(),
    waitsFor: wait === undefined ? '' : waitText(wait),
    archive: archiveText(ended),
    incomplete: (ended?.report?.incomplete ?? []).map(sentence).join(' '),
    known: view.knownMs === undefined ? '' : new Date(view.knownMs).toISOString(),
  };
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

function detailOf({ phase, progress, ended, name }: SessionView): string {
  switch (phase) {
    case 'starting':
      return STEPS[progress];
    case 'ready':
      return 'Open Minecraft, choose Multiplayer, then Direct Connection, and enter this address.';
    case 'ending':
      return 'What was recorded is being saved. There is nothing that you need to do.';
    case 'ended':
      return ended === undefined ? '' : sentence(ended.text);
    case 'failed':
      return `${sentence(ended?.text ?? '')} If that happens again, tell those who have invited you its name: ${name}.`;
    default:
      return phase satisfies never;
  }
}

/** What the page says before JavaScript counts, and without it. */
function waitText({ for: what }: Wait): string {
  return what === 'the end of its time' ? 'until its time is over' : `for ${what}`;
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
