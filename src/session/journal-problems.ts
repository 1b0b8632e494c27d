import type { JournalProblem } from '../journal/writer/options.ts';
import type { Log } from '../runtime/log.ts';

/** What a journal meets, as an event of the session's log. */
export function logProblem({ kind, ...fields }: JournalProblem, log: Log): void {
  switch (kind) {
    case 'upload-failing':
      log.info({ event: 'journal_upload_failing', ...fields }, 'journal upload failing, retrying');
      return;
    case 'upload-recovered':
      log.info({ event: 'journal_upload_recovered', ...fields }, 'journal upload recovered');
      return;
    case 'file-unreadable':
      log.warn({ event: 'journal_file_unreadable', ...fields }, 'journal cannot read a file');
      return;
    case 'scan-failed':
      log.warn({ event: 'journal_scan_failed', ...fields }, 'journal cannot list the working directory');
      return;
    case 'prefix-taken':
      log.info({ event: 'journal_prefix_taken', ...fields }, 'journal prefix in use by another run');
      return;
    case 'fenced':
      log.warn(
        { event: 'journal_fenced', ...fields },
        'a recovery has the journal: another one has been begun',
      );
      return;
    case 'refused':
      log.error({ event: 'journal_refused', ...fields }, 'the store refuses the journal: it has ended');
      return;
    case 'stopped':
      log.error({ event: 'journal_stopped', ...fields }, 'journal stopped by an internal error');
      return;
    default:
      kind satisfies never;
  }
}
