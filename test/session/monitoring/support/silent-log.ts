import type { Log } from '../../../../src/runtime/log.ts';

/** Writes nothing. */
export const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
