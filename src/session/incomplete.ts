import { constants } from 'node:os';
import type { Child } from '../process/child.ts';
import { describeExit, type ExitStatus } from '../process/exit-status.ts';
import type { LeftoverProcess } from '../process/leftovers.ts';
import type { StopRecord } from '../process/stop.ts';
import type { ShutdownResult } from './shutdown.ts';

/** What may be missing of what the processes of a session had to write, since they did not end by themselves. */
export function findIncomplete(
  children: readonly Child[],
  { records, leftovers }: ShutdownResult,
): readonly string[] {
  const ofChildren = children.map(child => whatChildLacks(child, records.get(child)));
  return [...ofChildren, whatLeftoversLack(leftovers)].filter(text => text !== undefined);
}

const LACKS = {
  setup: 'what it had not written may be missing',
  server: 'what it had not saved of the world may be missing',
  agent: 'what it had not written may be missing',
} as const;

function whatChildLacks({ name }: Child, record: StopRecord | undefined): string | undefined {
  if (record === undefined) return undefined;
  const { exit, steps } = record;
  if (exit === undefined) return `the ${name} could not be killed: its files may still be changing`;
  if (wasCutOff(exit)) return `the ${name} ${describeExit(exit)}: ${LACKS[name]}`;
  // It has ended by itself, and others of its process group have not.
  return steps.includes('SIGKILL')
    ? `processes that the ${name} had started were killed: what they had not written may be missing`
    : undefined;
}

/** Whoever dies of these has been asked to end. */
const REQUESTS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Whether a signal has ended it that is no request; a shell says so of its child by 128 and the signal's number. */
function wasCutOff(exit: ExitStatus): boolean {
  if ('signal' in exit) return !REQUESTS.includes(exit.signal);
  if (!('code' in exit)) return false;
  const isOf = (number: number) => exit.code === 128 + number;
  return Object.values(constants.signals).some(isOf) && !REQUESTS.some(name => isOf(constants.signals[name]));
}

/** Their commands are in the report; this is also for a page that everybody may see. */
function whatLeftoversLack(leftovers: readonly LeftoverProcess[]): string | undefined {
  const { length } = leftovers.filter(({ stoppedBy }) => stoppedBy.includes('SIGKILL'));
  if (length === 0) return undefined;
  const who = length === 1 ? 'a process that had' : `${length} processes that had`;
  return `${who} outlived the server and the agent had to be killed: what was not written yet may be missing`;
}
