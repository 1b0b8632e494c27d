import type { Log } from '../../runtime/log.ts';
import type { SessionView } from './view.ts';

/** Logs how a session has ended. */
export function logEnd(log: Log, { name, phase, ended }: SessionView): void {
  const { text, cause } = ended ?? {};
  const exitCode = ended?.report?.exitCode;
  const fields = { event: 'session_over', session: name, exitCode, cause } as const;
  const message = `session over: ${text}${cause === undefined ? '' : ` (${cause})`}`;
  if (phase === 'failed' || cause !== undefined || exitCode) log.warn(fields, message);
  else log.info(fields, message);
}
