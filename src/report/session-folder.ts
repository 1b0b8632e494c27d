import { SESSIONS_FOLDER } from '../config/key-template.ts';

/** The folder of everything that a session saves but its archive. @param name the one that it has claimed */
export function sessionFolder(name: string): string {
  return `${SESSIONS_FOLDER}/${name}`;
}

/** Where a session's report goes. */
export function reportKey(name: string): string {
  return `${sessionFolder(name)}/session.json`;
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
