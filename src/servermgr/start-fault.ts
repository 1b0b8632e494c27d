import { errorCode, systemErrorText } from '../files/errno.ts';
import { errorMessage } from '../runtime/text.ts';

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

/** Why a database cannot be used. @param where its file, or its URL without the password */
export function databaseFault(where: string, cause: unknown): StartFault {
  const isLocked = errorMessage(cause).includes('database is locked');
  const remedy = isLocked
    ? 'another servermgr uses it: end that one, or let both share a Postgres, named in DATABASE_URL'
    : where.includes('://')
      ? 'set DATABASE_URL to a Postgres that answers, with ?sslmode=no-verify if it wants TLS'
      : 'make it a file that this user may write, or delete it: sessions that run are found again';
  return new StartFault(`the database ${where} cannot be used, ${systemErrorText(cause)}: ${remedy}`, {
    cause,
  });
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'end the program that listens there, or choose another port',
  EACCES: 'choose a port from 1024 on',
  EADDRNOTAVAIL: 'choose an address of this machine, or 0.0.0.0 for all of them,',
};
