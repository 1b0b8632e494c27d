/** How a process ended, or why it did not start. */
export type ExitStatus =
  | { readonly code: number }
  | { readonly signal: NodeJS.Signals }
  | { readonly failedToStart: string };

/** Whether it exited by itself with code 0. */
export function succeeded(exit: ExitStatus): boolean {
  return 'code' in exit && exit.code === 0;
}

/** How a process ended, as the rest of a sentence: `exited with code 1`, `was ended by SIGKILL`. */
export function describeExit(exit: ExitStatus): string {
  if ('failedToStart' in exit) return `could not be started: ${exit.failedToStart}`;
  if ('signal' in exit) return `was ended by ${exit.signal}`;
  return exit.code === 0 ? 'exited' : `exited with code ${exit.code}`;
}

/** Whether a value, such as the winner of a race, is an exit status. */
export function isExitStatus(value: object | undefined): value is ExitStatus {
  return value !== undefined && ('code' in value || 'signal' in value || 'failedToStart' in value);
}
