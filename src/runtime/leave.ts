/**
 * Ends the process with an exit code, whatever its file calls are doing. `process.exit` waits for libuv's pool, and one
 * call to a network file system that does not answer holds it for ever. execve(2) ends every thread at once; what it
 * starts in the place of this process ends with the code.
 */
export function leave(code: number): never {
  if (isPoolBusy()) process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  process.exit(code);
}

/** FSReqPromise, FSReqCallback, FileHandleCloseReq, GetAddrInfoReqWrap: what Node calls requests that the pool works on. */
function isPoolBusy(): boolean {
  return process.getActiveResourcesInfo().some(name => /req/i.test(name));
}
