/** The command line or the configuration is wrong: EX_USAGE of sysexits(3). */
export const EXIT_USAGE = 64;

/** What was recorded is not saved as an archive. */
export const EXIT_NOT_SAVED = 20;

/** An archive was made of a journal of which not everything could be read; the journal is kept. */
export const EXIT_DAMAGED = 22;

/** A bug of the program: EX_SOFTWARE of sysexits(3). */
export const EXIT_INTERNAL_ERROR = 70;
