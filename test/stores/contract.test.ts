import { describeContract } from '../store/contract.ts';
import { openTestStore } from '../store/s3/support.ts';
import type { RealStore } from './start/store.ts';
import { awsVariables, createBucket } from './support.ts';

function openStage(kind: RealStore['kind']) {
  return async () => {
    const bucket = await createBucket(kind);
    const env = awsVariables(bucket.store.url, bucket.store.owner);
    return {
      destination: await openTestStore(bucket.store.url, { bucket: bucket.name, prefix: 'some/prefix', env }),
      async leftovers() {
        const unfinished = (await bucket.uploads()).map(key => `unfinished ${key}`);
        const keys = (await bucket.keys()).map(key => key.replace('some/prefix/', ''));
        return [...keys, ...unfinished].sort();
      },
      close: async () => undefined,
    };
  };
}

/** Machines with other things to do take their time over a request. */
const STALL_MS = 4_000;

describeContract('Ceph', openStage('ceph'), {
  conditions: { small: 'honoured', large: 'ignored' },
  stallMs: STALL_MS,
});
describeContract('Swift', openStage('swift'), {
  conditions: { small: 'refused', large: 'honoured' },
  stallMs: STALL_MS,
});
