import { select } from '../catalogue/select.ts';
import { readWholeReport } from '../catalogue/whole-report.ts';
import { EXIT_DENIED, EXIT_NOT_THERE } from '../runtime/exit-codes.ts';
import { jsonLine, printable } from '../runtime/text.ts';
import { faultText } from '../store/fault-text.ts';
import { parseArguments } from './arguments.ts';
import { recordOf } from './catalogue-rows.ts';
import type { RunCommand } from './command.ts';
import { findSession } from './find-session.ts';
import { reportFault } from './look-faults.ts';
import { configFor } from './session-url.ts';
import { type ShownSession, storyOf } from './show-story.ts';
import { terminalOf } from './terminal.ts';

/** Tells what became of one session: when what happened, where everything lies, and what is to be done. */
export const show: RunCommand = async input => {
  const { env, cwd, args, print, printError, signals } = input;
  try {
    const { values, positionals } = parseArguments(args, { json: { type: 'boolean' } }, ['<session>']);
    const [url = ''] = positionals;
    const { destination, entries, denied } = await findSession(configFor(url, env, cwd), input);
    const sessions: ShownSession[] = [];
    try {
      for (const entry of select(entries, { isUnsaved: false, sort: 'session', isReversed: true }))
        sessions.push({ entry, report: await readWholeReport(destination, entry, signals.stopRequested) });
    } finally {
      destination.close();
    }
    if (sessions.length === 0) {
      printError(
        `there is no session at ${printable(url)}: craftassist-session ls lists those of a destination`,
      );
      return EXIT_NOT_THERE;
    }
    for (const { entry, report } of sessions)
      print(
        values.json
          ? jsonLine({ ...recordOf(entry), journals: entry.journals, report: report ?? null })
          : storyOf({ entry, report }, { destinationUrl: destination.url, terminal: terminalOf(input) }).join(
              '\n',
            ),
      );
    if (denied === undefined) return 0;
    printError(`not everything could be read, and what it would tell is missing above: ${faultText(denied)}`);
    return EXIT_DENIED;
  } catch (error) {
    return reportFault(error, 'show', input);
  }
};
