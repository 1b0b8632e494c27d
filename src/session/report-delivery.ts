import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionConfig } from '../config/session-config.ts';
import { timeoutSignal } from '../runtime/abort.ts';
import type { Log } from '../runtime/log.ts';
import type { Signals } from '../runtime/signals.ts';
import { reportName } from '../save/archive-name.ts';
import type { Report } from './report.ts';
import type { SessionResult } from './session.ts';

const NORMALLY_MS = 60_000;

/** Of the two seconds that a stop request leaves after the archive, the report may take most. */
const PRESSED_MS = 1_500;

export interface DeliveryTools {
  readonly log: Log;
  readonly signals: Signals;
}

/**
 * Puts `session.json` beside the archive, or beside the journal that stands for it, or where there is neither, into
 * the working directory. It never rejects.
 */
export async function deliverReport(
  config: SessionConfig,
  outcome: SessionResult,
  report: Report,
  { log, signals }: DeliveryTools,
): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`);
  const home = homeOf(outcome);
  if (home !== undefined) {
    const signal = timeoutSignal(signals.stopRequested.aborted ? PRESSED_MS : NORMALLY_MS);
    try {
      await home.destination.put(home.key, text, { signal });
      return;
    } catch (error) {
      log.error({ event: 'report_upload_failed', err: error }, 'report could not be uploaded');
    }
  }
  if (outcome.played === undefined) return;
  const file = join(config.workdir, 'session.json');
  try {
    await writeFile(file, text);
    log.info({ event: 'report_local', file }, `report written to ${file}`);
  } catch (error) {
    log.error(
      { event: 'report_not_written', err: error, file },
      'report could not be written; it is in the last log line',
    );
  }
}

function homeOf({ archive, saved, recording }: SessionResult) {
  if (archive?.how === 'archive') return { destination: archive.destination, key: archive.reportKey };
  if (saved.how !== 'journal' || recording === undefined) return undefined;
  return { destination: recording.destination, key: `${recording.folder}/${reportName(1)}` };
}
