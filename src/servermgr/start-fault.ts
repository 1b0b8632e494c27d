import { errorCode, systemErrorText } from '../files/errno.ts';

/** What keeps the manager from starting, with its remedy: a sentence for whoever has set it up. */
export class StartFault extends Error {
  override readonly name = 'StartFault';
}

/** Why its folder cannot be used. */
export function stateFault(folder: string, cause: unknown): StartFault {
  return new StartFault(
    `the state folder ${folder} cannot be used, ${systemErrorText(cause)}: make it a folder that this user may write, ` +
      'or name another one in SERVERMGR_STATE',
    { cause },
  );
}

/** Why nobody can be served there. */
export function listenFault(host: string, port: number, cause: unknown): StartFault {
  const remedy = REMEDIES[errorCode(cause) ?? ''] ?? 'choose another address';
  return new StartFault(
    `cannot listen on ${host}:${port}, ${systemErrorText(cause)}: ${remedy} in SERVERMGR_LISTEN or PORT`,
    { cause },
  );
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'end the program that listens there, or choose another port',
  EACCES: 'choose a port from 1024 on',
  EADDRNOTAVAIL: 'choose an address of this machine, or 0.0.0.0 for all of them,',
};
