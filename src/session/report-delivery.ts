import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/session-config.ts';
import type { Log } from '../runtime/log.ts';
import type { Stops } from '../runtime/signals.ts';
import { reportName } from '../save/archive-name.ts';
import type { Report } from './report.ts';
import type { Outcome } from './session.ts';

const NORMALLY_MS = 60_000;

/** Of the two seconds that a stop request leaves after the archive, the report may take most. */
const PRESSED_MS = 1_500;

export interface DeliveryTools {
  readonly log: Log;
  readonly stops: Stops;
}

/**
 * Puts `session.json` beside the archive, or beside the journal that stands for it, or where there is neither, into
 * the working directory. It never rejects.
 */
export async function deliverReport(
  config: Config,
  outcome: Outcome,
  report: Report,
  { log, stops }: DeliveryTools,
): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`);
  const home = homeOf(outcome);
  if (home !== undefined) {
    const signal = AbortSignal.timeout(stops.asked.aborted ? PRESSED_MS : NORMALLY_MS);
    try {
      await home.destination.put(home.key, text, { signal });
      return;
    } catch (error) {
      log.error({ err: error }, 'the report could not be put where the session is saved');
    }
  }
  if (outcome.played === undefined) return;
  const file = join(config.workdir, 'session.json');
  try {
    await writeFile(file, text);
    log.info({ file }, 'the report lies in the working directory');
  } catch (error) {
    log.error({ err: error, file }, 'the report could not be written; it is in the last log line');
  }
}

function homeOf({ archive, saved, recording }: Outcome) {
  if (archive?.how === 'archive') return { destination: archive.destination, key: archive.reportKey };
  if (saved.how !== 'journal' || recording === undefined) return undefined;
  return { destination: recording.destination, key: `${recording.folder}/${reportName(1)}` };
}
