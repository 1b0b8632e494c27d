import type { Log } from '../../runtime/log.ts';
import { errorText } from '../../runtime/text.ts';
import type { Fault } from './fault.ts';

/** Whether the database can be read and written: of a full disk it can be read alone. */
export interface DatabaseState {
  /** Runs work with it. A failure is kept as a fault until the same kind of work succeeds, told once, and not thrown. */
  attempt(kind: 'read' | 'write', work: () => Promise<void>): Promise<void>;
  fault(): Fault | undefined;
}

/** @param onFault called for each failure */
export function createDatabaseState(log: Log, onFault?: (kind: 'read' | 'write') => void): DatabaseState {
  const faults: { read?: Fault; write?: Fault } = {};
  let successMs = Date.now();
  const fault = () => faults.read ?? faults.write;

  return {
    fault,
    async attempt(kind, work) {
      const before = fault();
      try {
        await work();
        delete faults[kind];
        successMs = Date.now();
        if (before !== undefined && fault() === undefined)
          log.info({ event: 'database_back' }, 'the database answers again');
      } catch (error) {
        onFault?.(kind);
        faults[kind] = { sinceMs: faults[kind]?.sinceMs ?? successMs, why: errorText(error) };
        if (before === undefined)
          log.warn(
            { event: 'database_away', err: error },
            'the database cannot be asked: launches wait for it',
          );
      }
    },
  };
}
