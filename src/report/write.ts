import { join } from 'node:path';
import { writeAtomically } from '../files/atomic-write.ts';
import { orAborted, timeoutSignal } from '../runtime/abort.ts';
import type { Deadline } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';
import { putReport } from './put.ts';
import { type FoundReport, formatReport, type Report } from './schema.ts';

/** Where a report goes: see session-folder.ts. */
export interface ReportTarget {
  readonly store: Store;
  readonly key: string;
}

export interface WriteOptions {
  /** Tried in this order; none: nothing of the session is at any store. */
  readonly targets: readonly ReportTarget[];
  /** Where it goes when it cannot go there; undefined: nowhere else. */
  readonly workdir: string | undefined;
  readonly startDeadline: () => Deadline;
  readonly log: Log;
}

/** How long the working directory has to take the report. */
const LOCAL_MS = 1_000;

/**
 * Puts session.json to its place at the first store that takes it; where none does, into the working directory. It
 * never rejects.
 */
export async function writeReport(
  report: Report,
  { targets, workdir, startDeadline, log }: WriteOptions,
): Promise<void> {
  const body = formatReport(report);
  using deadline = startDeadline();
  const isOwn = ({ run }: FoundReport) => run !== undefined && run === report.run;
  for (const [i, { store, key }] of targets.entries()) {
    try {
      const share = Math.floor(deadline.leftMs() / (targets.length - i));
      const signal = timeoutSignal(share, deadline.signal);
      const url = `${store.url}/${await putReport(store, key, body, { isOwn, signal })}`;
      log.info({ event: 'report_saved', url }, `report saved to ${url}`);
      return;
    } catch (error) {
      log.error(
        { event: 'report_upload_failed', err: error },
        `report could not be saved to ${store.url}/${key}`,
      );
    }
  }
  if (workdir === undefined) return;
  const file = join(workdir, 'session.json');
  try {
    // Its own time: the deadline may have passed at the stores.
    await orAborted(writeAtomically(file, [body], { replace: true }), timeoutSignal(LOCAL_MS));
    log.info({ event: 'report_local', file }, `report written to ${file}`);
  } catch (error) {
    log.error(
      { event: 'report_not_written', err: error, file },
      'report could not be written; it is in the last log line',
    );
  }
}
