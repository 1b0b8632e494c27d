import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect garbage less often while an archive is packed. It counts Buffers against the heap's limit, which is
 * small in a process that does little else: it would mark the whole heap for every 20 MB packed, a sixth of the time
 * on two cores.
 */
export function growHeapFaster(): void {
  setFlagsFromString('--heap-growing-percent=200');
}
