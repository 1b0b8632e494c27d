import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Each reading is another one: random(4). */
const KERNEL_UUID = '/proc/sys/kernel/random/uuid';

/** A random UUID, from the kernel: `node:crypto` takes 10 ms to load, which a server would wait for. */
export function newUuid(): string {
  try {
    return readFileSync(KERNEL_UUID, 'latin1').trim();
  } catch {
    // Not on Linux, or without /proc.
    return randomUUID();
  }
}
