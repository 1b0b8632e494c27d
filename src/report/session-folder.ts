import { SESSIONS_FOLDER } from '../config/key-template.ts';

/** The folder of everything that a session saves but its archive. @param name the one that it has claimed */
export function sessionFolder(name: string): string {
  return `${SESSIONS_FOLDER}/${name}`;
}

/** The session whose object a key names, and what is below its folder; undefined: it is in no such folder. */
export function sessionOfKey(key: string): { readonly name: string; readonly inside: string } | undefined {
  const [folder, name = '', ...inside] = key.split('/');
  return folder === SESSIONS_FOLDER ? { name, inside: inside.join('/') } : undefined;
}

/** What a session's report is called. */
export const REPORT_NAME = 'session.json';

/** Where a session's report goes. */
export function reportKey(name: string): string {
  return `${sessionFolder(name)}/${REPORT_NAME}`;
}

/** Where a report goes when that of another run has the key: `session.2.json`, `session.3.json` and so on. */
export function nextReportKey(key: string): string {
  return key.replace(/(?:\.(\d+))?\.json$/, (_, n?: string) => `.${Number(n ?? 1) + 1}.json`);
}

/** Whether a file in the folder of a session is a report. */
export function isReportName(name: string): boolean {
  return /^session(?:\.\d+)?\.json$/.test(name);
}

/** Notes that the archive of a session is being replaced: see amendment.ts. */
export const AMENDMENT_NAME = 'amendment.json';

/** What lies in the folder of a session. */
export type FolderObject = 'claim' | 'report' | 'journal' | 'amendment' | 'of-archive';

/**
 * What an object in the folder of a session is. Whatever is nothing else was made of its archive, as its index is, also
 * by a later version, and goes with it.
 * @param inside its key below that folder
 */
export function folderObject(inside: string): FolderObject {
  // Where a store keeps no conditions, each run has a claim of its own.
  if (inside === 'claim.json' || inside.startsWith('claims/')) return 'claim';
  if (isReportName(inside)) return 'report';
  if (/^journal(?:\.\d+)?\//.test(inside)) return 'journal';
  return inside === AMENDMENT_NAME ? 'amendment' : 'of-archive';
}

/** `<TIMESTAMP>`, `<TIMESTAMP>.2` and so on: the names that sessions of one TIMESTAMP claim, one after the other. */
export function nthSessionName(timestamp: string, n: number): string {
  return n === 1 ? timestamp : `${timestamp}.${n}`;
}

/** The name that no other session of a TIMESTAMP can have. @param run a UUID */
export function uniqueSessionName(timestamp: string, run: string): string {
  return `${timestamp}.${run.slice(0, 8)}`;
}

/** Whether a session of that name was started under that TIMESTAMP, or under that name. */
export function isSessionOf(name: string, timestamp: string): boolean {
  return name.startsWith(timestamp) && /^(?:\.(?:\d+|[0-9a-f]{8}))*$/.test(name.slice(timestamp.length));
}
