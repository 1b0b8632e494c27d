import type { CatalogueEntry } from '../catalogue/entry.ts';
import { printable } from '../runtime/text.ts';
import type { CommandInput } from './command.ts';
import type { FoundSession } from './find-session.ts';

/**
 * The one run of a session that somebody means by a URL: the one of that very name, and of several the one that began
 * last. Which others there are is told.
 * @returns undefined, and why is printed: there is none
 */
export function chooseRun(
  url: string,
  { entries }: Pick<FoundSession, 'entries'>,
  { printError }: Pick<CommandInput, 'printError'>,
): CatalogueEntry | undefined {
  const name = url.replace(/\/+$/, '').split('/').at(-1);
  const exact = entries.filter(({ session }) => session === name);
  const meant = (exact.length > 0 ? exact : entries).toSorted(
    (a, b) => (b.startedMs ?? 0) - (a.startedMs ?? 0),
  );
  const [chosen] = meant;
  if (chosen === undefined) {
    printError(
      `there is no session at ${printable(url)}: craftassist-session ls lists those of a destination`,
    );
    return undefined;
  }
  const others = entries.filter(entry => entry !== chosen);
  const namesakes = others.filter(({ session }) => session === chosen.session).length;
  if (namesakes > 0)
    printError(
      `${printable(chosen.session)} was run ${namesakes + 1} times: this is the run that began last; craftassist-session show tells of all`,
    );
  for (const { session, url: other } of others)
    if (session !== chosen.session) printError(`there is also ${printable(other)}`);
  return chosen;
}
