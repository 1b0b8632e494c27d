import type { Operation, S3Request } from './operation.ts';

/** A policy of IAM, as far as the files in deploy/ need it. */
export interface Policy {
  readonly Statement: readonly Statement[];
}

interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: Some;
  readonly Resource: Some;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Some>>>>;
}

type Some = string | readonly string[];

/** What is to be done, to what, and what is known of the request by IAM's condition keys. */
export interface Access {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
}

/**
 * Evaluates a policy: what one statement denies is denied, and else allowed when one allows it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function isAllowed({ Statement }: Policy, access: Access): boolean {
  const effects = Statement.filter(statement => concerns(statement, access)).map(({ Effect }) => Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

function concerns({ Action, Resource, Condition = {} }: Statement, access: Access): boolean {
  const isNamed = [Action].flat().some(pattern => isLike(access.action.toLowerCase(), pattern.toLowerCase()));
  return (
    isNamed &&
    [Resource].flat().some(pattern => isLike(access.resource, pattern)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) => holds(operator, access.context[key], [values].flat())),
    )
  );
}

/** A key that the request does not have fulfils no condition. */
function holds(operator: string, found: string | undefined, values: readonly string[]): boolean {
  const compare = OPERATORS[operator];
  if (compare === undefined) throw new Error(`this S3 does not know the condition ${operator}`);
  return found !== undefined && values.some(value => compare(found, value));
}

const OPERATORS: Readonly<Record<string, (found: string, value: string) => boolean>> = {
  StringEquals: (found, value) => found === value,
  StringLike: isLike,
  ArnEquals: isLike,
  ArnLike: isLike,
};

/** `*` is any characters, also none and slashes; `?` is one. */
function isLike(text: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

/**
 * The action that allows each operation; of those without one everything is refused.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
const ACTIONS: Readonly<Partial<Record<Operation, string>>> = {
  PutObject: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  DeleteObject: 's3:DeleteObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  ListParts: 's3:ListMultipartUploadParts',
  ListObjectsV2: 's3:ListBucket',
  HeadBucket: 's3:ListBucket',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  GetBucketLocation: 's3:GetBucketLocation',
};

/** Whether a policy allows a request; DeleteObjects is asked for each of its keys. */
export function allowsRequest(policy: Policy, { operation, bucket, key, query }: S3Request): boolean {
  if (operation === 'DeleteObjects') return true;
  const action = ACTIONS[operation];
  const resource = `arn:aws:s3:::${bucket}${key === '' ? '' : `/${key}`}`;
  const context = Object.fromEntries(
    ['prefix', 'delimiter', 'max-keys'].flatMap(name => {
      const value = query.get(name);
      return value === null ? [] : [[`s3:${name}`, value]];
    }),
  );
  return action !== undefined && isAllowed(policy, { action, resource, context });
}

/**
 * Whether a key that is not there is answered so, and not with 403. Such a request names no prefix, so that a right to
 * list which depends on one does not count: whether S3 sees it so is documented nowhere, and this is the harder case.
 */
export function maySeeAbsence(policy: Policy, { bucket }: S3Request): boolean {
  return isAllowed(policy, { action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket}`, context: {} });
}

export function mayDelete(policy: Policy, bucket: string, key: string): boolean {
  return isAllowed(policy, {
    action: 's3:DeleteObject',
    resource: `arn:aws:s3:::${bucket}/${key}`,
    context: {},
  });
}
