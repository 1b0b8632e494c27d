import type { Random } from '../support/random.ts';
import type { Fault, FaultRule, Operation } from '../support/s3-server.ts';

/** Where a session saves to, and what happens to its archive there. */
export interface StorePlan {
  readonly name: string;
  readonly kind:
    | 's3'
    | 'folder'
    | 'inside'
    | 'nobody listens'
    | 'a file is in the way'
    | 'no folder can be made'
    | 'a mount that goes silent';
  readonly faults: readonly FaultRule[];
  /** `refused`: found out before anything is started. */
  readonly archive: 'saved' | 'lost' | 'refused';
  /** Whether SESSION_FALLBACK_DESTINATION is set. */
  readonly hasFallback: boolean;
  /** Whether saving may take longer than a stop request leaves. */
  readonly isSlow?: boolean;
  /** Break all connections that long after saving has begun. */
  readonly breaksAfterMs?: number;
}

export function randomStore(random: Random): StorePlan {
  const hasFallback = random.chance(0.5);
  const failed = (name: string, faults: readonly FaultRule[] = []) => ({
    ...s3(name, faults),
    hasFallback,
    archive: hasFallback ? ('saved' as const) : ('lost' as const),
  });
  const fine: [() => StorePlan, ...(() => StorePlan)[]] = [
    () => ({ ...s3('a folder'), kind: 'folder' }),
    () => ({ ...s3('the working directory'), kind: 'inside' }),
    () => s3('S3'),
    () => flaky(random),
    () => flaky(random),
    () => ({
      ...s3('S3 whose connections break'),
      breaksAfterMs: random.between(0, 300),
      // All of it is sent again.
      isSlow: true,
    }),
    () => ({ ...s3('S3, slow', [{ match: { operation: WRITES }, ...slow }]), isSlow: true }),
  ];
  const faulty: typeof fine = [
    () => failed('S3, stalled', [{ match: { operation: WRITES }, do: 'stall' }]),
    () => failed('S3, down when it matters', [{ match: { operation: WRITES }, do: '503' }]),
    () => failed('S3, hanging up', [{ match: { operation: WRITES }, do: 'reset' }]),
    () => failed('S3, denying writes', [{ match: { operation: WRITES }, do: 'deny' }]),
    () => failed('S3, down', [{ do: '503' }]),
    () => ({ ...failed('S3, not listening'), kind: 'nobody listens' }),
    () => ({ ...failed('a folder that cannot be made'), kind: 'no folder can be made' }),
    () => ({ ...failed('a mount that goes silent'), kind: 'a mount that goes silent' }),
    () => ({ ...s3('S3, denying everything', [{ do: 'deny' }]), archive: 'refused' }),
    () => ({ ...s3('a file in the way'), kind: 'a file is in the way', archive: 'refused' }),
  ];
  return random.pick(random.chance(0.7) ? fine : faulty)();
}

const slow = { do: 'slow', bytesPerSecond: 16 * 1024 ** 2 } as const;
const WRITES = ['PutObject', 'UploadPart'] as const;

function s3(name: string, faults: readonly FaultRule[] = []): StorePlan {
  return { name, kind: 's3', faults, archive: 'saved', hasFallback: false };
}

/** A few faults, each once. */
function flaky(random: Random): StorePlan {
  const faults = Array.from({ length: random.between(1, 4) }, () => passingFault(random));
  const names = faults.map(({ match, do: fault }) => `${match?.operation} ${match?.nth}: ${fault}`);
  return s3(`S3 with ${names.join(', ')}`, faults);
}

function passingFault(random: Random): FaultRule {
  const operation = random.pick<Operation>([
    'PutObject',
    'UploadPart',
    'UploadPart',
    'CompleteMultipartUpload',
    'AbortMultipartUpload',
    'CreateMultipartUpload',
    'HeadObject',
  ]);
  // An upload that was started while its id was lost is for the bucket's lifecycle rule to clear.
  const unanswered =
    operation === 'CreateMultipartUpload' ? [] : (['500-after-commit', 'reset-after-commit'] as const);
  const fault = random.pick<Fault>(['503', '500', 'SlowDown', 'reset', 'delay', ...unanswered]);
  return { match: { operation, nth: random.between(1, 3) }, do: fault, delayMs: random.between(50, 600) };
}
