/** The command line or the configuration is wrong: EX_USAGE of sysexits(3). */
export const EXIT_USAGE = 64;

/** What was asked for is not there: EX_NOINPUT of sysexits(3). */
export const EXIT_NOT_THERE = 66;

/** A session or a store does not answer, and may later: EX_TEMPFAIL of sysexits(3). */
export const EXIT_NO_ANSWER = 75;

/** The right to list, or to read, is missing: EX_NOPERM of sysexits(3). */
export const EXIT_DENIED = 77;

/** What was recorded is not saved as an archive. */
export const EXIT_NOT_SAVED = 20;

/** An archive was made of a journal of which not everything could be read; the journal is kept. */
export const EXIT_DAMAGED = 22;

/** A bug of the program: EX_SOFTWARE of sysexits(3). */
export const EXIT_INTERNAL_ERROR = 70;
