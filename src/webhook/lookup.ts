import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Targets } from './targets.ts';

/** A host, or its address, may not be asked. */
export class RefusedTargetError extends Error {
  override readonly name = 'RefusedTargetError';
}

/**
 * Resolves a name for a socket, and gives it none but addresses that it may connect to. What is resolved here is what is
 * connected to: a check before would be of another answer, and whoever owns the name decides what the next one is.
 */
export function guardedLookup(targets: Targets): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const allowed = found.filter(({ address }) => targets.allows(address, host));
      const [first] = allowed;
      if (first === undefined) return callback(refused(host, targets), []);
      return options.all ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}

/** A socket does not look up what is an address already. @throws {RefusedTargetError} */
export function checkAddress(host: string, targets: Targets): void {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0 && !targets.allows(bare, bare)) throw refused(bare, targets);
}

function refused(host: string, { refusal }: Targets): RefusedTargetError {
  return new RefusedTargetError(`${host} ${refusal}`);
}
