import { readFile } from 'node:fs/promises';
import type { ChildUser } from '../config/session-config.ts';

/** The user that children run as, where it is not the supervisor's own. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  /** undefined: the user id has no entry in the system's users. */
  readonly name: string | undefined;
  readonly home: string | undefined;
  /** The program by which the user's programs get the right to listen below 1024; none: they have it, or cannot have it. */
  readonly setpriv?: string;
}

export interface FoundUser {
  /** undefined: children run as the supervisor does. */
  readonly user: User | undefined;
  /** What is wrong with the configured user, with its remedy. */
  readonly faults: readonly string[];
}

const SAME_USER: FoundUser = { user: undefined, faults: [] };

/**
 * Looks up the user that children are to run as.
 * @param wanted undefined: the supervisor's own user
 * @param ownUid the supervisor's user id: only root can start a process as another user
 * @param passwdFile the system's users, in the format of passwd(5)
 */
export async function findUser(
  wanted: ChildUser | undefined,
  { ownUid = process.getuid?.(), passwdFile = '/etc/passwd' } = {},
): Promise<FoundUser> {
  if (wanted === undefined) return SAME_USER;
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

/** The environment with HOME, USER and LOGNAME as a login of this user would set them. */
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

/** The smallest images have no such file; a user can be given by number there. */
const noUsers = () => '';
