import { readFile } from 'node:fs/promises';
import type { ChildUser } from '../config/session-config.ts';

/** Whom children run as, when that is not the supervisor's own user. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  /** undefined: a number that nobody has given a name. */
  readonly name: string | undefined;
  readonly home: string | undefined;
}

export interface FoundUser {
  /** undefined: children run as the supervisor does. */
  readonly user: User | undefined;
  /** What is wrong with the wish, with its remedy. */
  readonly faults: readonly string[];
}

const NOBODY_ELSE: FoundUser = { user: undefined, faults: [] };

/**
 * Looks up whom children shall run as.
 * @param ownUid the supervisor's own user: only root can start a process as somebody else.
 * @param passwdFile the system's users, as passwd(5) describes them.
 */
export async function findUser(
  wanted: ChildUser | undefined,
  { ownUid = process.getuid?.(), passwdFile = '/etc/passwd' } = {},
): Promise<FoundUser> {
  if (wanted === undefined) return NOBODY_ELSE;
  const fault = (text: string): FoundUser => ({ user: undefined, faults: [`SESSION_CHILD_USER ${text}`] });
  if (ownUid !== 0) {
    return fault(
      'takes a supervisor that runs as root: start it as root, or set SESSION_CHILD_USER to nothing',
    );
  }
  const users = await readUsers(passwdFile);
  const known = users.find(({ name, uid }) => ('name' in wanted ? name === wanted.name : uid === wanted.uid));
  if ('uid' in wanted) {
    const { uid, gid = known?.gid ?? uid } = wanted;
    return { user: { uid, gid, name: known?.name, home: known?.home }, faults: [] };
  }
  if (known === undefined) {
    return fault(
      `"${wanted.name}" is not a user of this system: name one that is in ${passwdFile}, or write uid:gid`,
    );
  }
  return known.uid === 0
    ? fault(`"${wanted.name}" is root again: name another user, or set SESSION_CHILD_USER to nothing`)
    : { user: known, faults: [] };
}

/** An environment as a login of this user would have it. */
export function environmentOfUser(
  { name, home }: User,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const { USER, LOGNAME, ...others } = env;
  return { ...others, HOME: home ?? '/', ...(name === undefined ? {} : { USER: name, LOGNAME: name }) };
}

async function readUsers(passwdFile: string): Promise<readonly User[]> {
  const lines = (await readFile(passwdFile, 'utf8').catch(noUsers)).split('\n');
  return lines
    .map(line => line.split(':'))
    .filter(fields => fields.length === 7)
    .map(([name, , uid, gid, , home]) => ({ name, uid: Number(uid), gid: Number(gid), home }));
}

/** The smallest images name no users; numbers serve there. */
const noUsers = () => '';
