import type { TestProject } from 'vitest/node';
import { startCeph } from './ceph.ts';
import type { RealStore } from './store.ts';
import { startSwift } from './swift.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly stores: Readonly<Record<RealStore['kind'], RealStore>>;
  }
}

/** Starts one store of each kind, for all tests of a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const starting = [startCeph(), startSwift()] as const;
  const stop = async () => {
    for (const store of await Promise.allSettled(starting))
      if (store.status === 'fulfilled') await store.value[Symbol.asyncDispose]();
  };
  try {
    const [ceph, swift] = await Promise.all(starting);
    project.provide('stores', { ceph: ceph.about, swift: swift.about });
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
