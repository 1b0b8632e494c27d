import { setTimeout } from 'node:timers/promises';

/** How long file calls have that are under way: as a rule they end within milliseconds. */
const PATIENCE_MS = 300;
const LOOK_EVERY_MS = 10;

/**
 * Ends the process with an exit code, whatever its file calls are doing. `process.exit` waits for libuv's pool, and one
 * call to a network file system that does not answer holds it for ever. execve(2) ends every thread at once; what it
 * starts in the place of this process ends with the code. It is the last resort: a signal at that moment has no handler.
 */
export async function leave(code: number): Promise<never> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (isPoolBusy() && performance.now() < untilMs) await setTimeout(LOOK_EVERY_MS);
  if (isPoolBusy()) process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  process.exit(code);
}

/** FSReqPromise, FSReqCallback, FileHandleCloseReq, GetAddrInfoReqWrap: what Node calls requests that the pool works on. */
function isPoolBusy(): boolean {
  return process.getActiveResourcesInfo().some(name => /req/i.test(name));
}
