/** Each is answered by a text, in the order in which they came. */
export interface SumsOrder {
  /** `add` is answered once the bytes are part of the whole, and `whole` by the SHA-256 of all that were added. */
  readonly make: 'crc32' | 'sha256' | 'add' | 'whole';
  readonly bytes: Uint8Array;
}

/**
 * What runs in the thread of the sums. Its text alone gets there: a thread that has the program loaded takes more memory,
 * and longer to start. So it may use nothing from outside of itself.
 */
export function sumsThread(): void {
  const { createHash, hash } = process.getBuiltinModule('node:crypto');
  const { parentPort } = process.getBuiltinModule('node:worker_threads');
  const { crc32 } = process.getBuiltinModule('node:zlib');
  const whole = createHash('sha256');
  const makers: Readonly<Record<SumsOrder['make'], (bytes: Uint8Array) => string>> = {
    crc32: bytes => String(crc32(bytes)),
    sha256: bytes => hash('sha256', bytes, 'hex'),
    add(bytes) {
      whole.update(bytes);
      return '';
    },
    whole: () => whole.digest('hex'),
  };
  parentPort?.on('message', ({ make, bytes }: SumsOrder) => parentPort.postMessage(makers[make](bytes)));
}
