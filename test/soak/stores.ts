import type { Fault, FaultRule, Operation } from '../support/s3-server.ts';
import type { Draw } from './draw.ts';

/** Where a session's archive goes, and what becomes of it there. */
export interface Store {
  readonly name: string;
  readonly kind:
    | 's3'
    | 'folder'
    | 'inside'
    | 'nobody listens'
    | 'a file is in the way'
    | 'no folder can be made';
  readonly faults: readonly FaultRule[];
  /** `refused`: nothing is started. */
  readonly archive: 'saved' | 'lost' | 'refused';
  /** Whether there is a folder to fall back to. */
  readonly hasFallback: boolean;
  /** Whether it takes its time: what a stop request leaves may be too little for it. */
  readonly isSlow?: boolean;
  /** Break all connections so long after saving has begun. */
  readonly breaksAfterMs?: number;
}

export function drawStore(draw: Draw): Store {
  const hasFallback = draw.chance(0.5);
  const failed = (name: string, faults: readonly FaultRule[] = []) => ({
    ...s3(name, faults),
    hasFallback,
    archive: hasFallback ? ('saved' as const) : ('lost' as const),
  });
  const fine: [() => Store, ...(() => Store)[]] = [
    () => ({ ...s3('a folder'), kind: 'folder' }),
    () => ({ ...s3('the working directory'), kind: 'inside' }),
    () => s3('S3'),
    () => troubled(draw),
    () => troubled(draw),
    () => ({ ...s3('S3 whose connections break'), breaksAfterMs: draw.between(0, 300) }),
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
    () => ({ ...s3('S3, denying everything', [{ do: 'deny' }]), archive: 'refused' }),
    () => ({ ...s3('a file in the way'), kind: 'a file is in the way', archive: 'refused' }),
  ];
  return draw.pick(draw.chance(0.7) ? fine : faulty)();
}

const slow = { do: 'slow', bytesPerSecond: 16 * 1024 ** 2 } as const;
const WRITES = ['PutObject', 'UploadPart'] as const;

function s3(name: string, faults: readonly FaultRule[] = []): Store {
  return { name, kind: 's3', faults, archive: 'saved', hasFallback: false };
}

/** A few faults that pass. */
function troubled(draw: Draw): Store {
  const faults = Array.from({ length: draw.between(1, 4) }, () => passingFault(draw));
  const names = faults.map(({ match, do: fault }) => `${match?.operation} ${match?.nth}: ${fault}`);
  return s3(`S3 with ${names.join(', ')}`, faults);
}

function passingFault(draw: Draw): FaultRule {
  const operation = draw.pick<Operation>([
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
  const fault = draw.pick<Fault>(['503', '500', 'SlowDown', 'reset', 'delay', ...unanswered]);
  return { match: { operation, nth: draw.between(1, 3) }, do: fault, delayMs: draw.between(50, 600) };
}
