import { type Bucket, createBucket, type Rate, type TakeOptions } from './rate.ts';

/**
 * Half of what AWS allows an account in a region, which others use as well:
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html,
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html,
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
 */
const RATES = {
  /** RunTask and StopTask. */
  write: { burst: 50, perSecond: 20 },
  /** RunTask on Fargate, besides. */
  fargate: { burst: 50, perSecond: 10 },
  /** ListTasks and DescribeTasks. */
  read: { burst: 50, perSecond: 10 },
  /** DescribeNetworkInterfaces with a filter. */
  interfaces: { burst: 50, perSecond: 10 },
} as const satisfies Record<string, Rate>;

type Group = keyof typeof RATES;

/** Which groups an operation counts in. */
const GROUPS = {
  RunTask: ['write', 'fargate'],
  StopTask: ['write'],
  ListTasks: ['read'],
  DescribeTasks: ['read'],
  DescribeNetworkInterfaces: ['interfaces'],
} as const satisfies Record<string, readonly Group[]>;

type Operation = keyof typeof GROUPS;

/** A command of the SDK, as far as it matters here. */
interface Command {
  readonly middlewareStack: {
    addRelativeTo(
      middleware: Middleware,
      position: { readonly name: string; readonly relation: 'before'; readonly toMiddleware: string },
    ): void;
  };
}

type Middleware = <Args, Result>(next: (args: Args) => Promise<Result>) => (args: Args) => Promise<Result>;

/** Makes each attempt of a command wait for its turn. */
export type Pace = <C extends Command>(operation: Operation, command: C, options?: TakeOptions) => C;

/** Keeps the requests of one client below the rates, the SDK's own repetitions among them. */
export function createPace(): Pace {
  const buckets = new Map<Group, Bucket>();
  const bucketOf = (group: Group) => {
    const bucket = buckets.get(group) ?? createBucket(RATES[group]);
    buckets.set(group, bucket);
    return bucket;
  };

  return (operation, command, options) => {
    const own = GROUPS[operation].map(bucketOf);
    const inTurn: Middleware = next => async args => {
      for (const bucket of own) await bucket.take(options);
      try {
        return await next(args);
      } catch (error) {
        if (isThrottled(error)) for (const bucket of own) bucket.throttled();
        throw error;
      }
    };
    // After the SDK's retries, so that each attempt waits, and before the signature, which is valid for minutes only.
    const position = { relation: 'before', toMiddleware: 'httpSigningMiddleware' } as const;
    command.middlewareStack.addRelativeTo(inTurn, { name: 'pace', ...position });
    return command;
  };
}

/** Whether ECS or EC2 refuses a request for the rate alone; it was not carried out. */
export function isThrottled(error: unknown): boolean {
  return error instanceof Error && /Throttl|RequestLimitExceeded|TooManyRequests/.test(error.name);
}
