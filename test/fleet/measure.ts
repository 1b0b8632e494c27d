import type { AwsState } from '../servermgr/support/aws-process.ts';
import type { Program } from '../servermgr/support/program.ts';
import { type Load, loadOf } from './load.ts';
import type { Stage } from './stage.ts';

/** All that is counted, at one moment. */
export interface Moment {
  readonly atMs: number;
  readonly aws: Pick<AwsState, 'counts' | 'refused' | 'looks' | 'pings'>;
  readonly store: Readonly<Record<string, number>>;
  readonly loads: readonly Load[];
  readonly viewerBytes: Readonly<Record<string, number>>;
}

export async function momentOf({ aws, store, viewers, instances }: Stage): Promise<Moment> {
  const [{ counts, refused, looks, pings }, stored, viewerBytes] = await Promise.all([
    aws.read(),
    store.counts(),
    viewers.bytes(),
  ]);
  return {
    atMs: Date.now(),
    aws: { counts, refused, looks, pings },
    store: stored,
    loads: instances.map(({ child }) => loadOf(child.pid ?? 0)),
    viewerBytes,
  };
}

/** Whether an instance has ever observed. */
export function hasObserved(instance: Program): boolean {
  return instance.output().includes('"event":"observing"');
}
