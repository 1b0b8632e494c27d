import type { Log } from '../../runtime/log.ts';
import type { SessionView } from './view.ts';

/** Logs how sessions end, once each: of those that were alive at a look of this instance, or were requested since its start. */
export interface EndLog {
  note(views: readonly SessionView[]): void;
}

export function createEndLog(log: Log, startMs: number = Date.now()): EndLog {
  /** By id: whether its end has been told. */
  const known = new Map<string, boolean>();

  function tell({ name, phase, ended }: SessionView): void {
    const { text, cause } = ended ?? {};
    const exitCode = ended?.report?.exitCode;
    const fields = { event: 'session_over', session: name, exitCode, cause } as const;
    const message = `session over: ${text}${cause === undefined ? '' : ` (${cause})`}`;
    if (phase === 'failed' || cause !== undefined || exitCode) log.warn(fields, message);
    else log.info(fields, message);
  }

  return {
    note(views) {
      for (const view of views) {
        const { id, ended, requestedMs } = view;
        if (ended === undefined) known.set(id, false);
        else if (known.get(id) === false || (!known.has(id) && requestedMs >= startMs)) {
          known.set(id, true);
          tell(view);
        }
      }
      const ids = new Set(views.map(({ id }) => id));
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    },
  };
}
