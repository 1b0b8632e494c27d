import type { IncomingMessage } from 'node:http';

export type Operation =
  | 'PutObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'ListObjectsV2'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListMultipartUploads'
  | 'ListParts'
  | 'CreateBucket'
  | 'HeadBucket'
  | 'GetBucketLocation'
  | 'Unknown';

/** A request as S3 understands it, with the bucket in the path. */
export interface S3Request {
  readonly operation: Operation;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly part: number | undefined;
  readonly accessKey: string | undefined;
  readonly region: string | undefined;
  readonly message: IncomingMessage;
}

export function understand(message: IncomingMessage): S3Request {
  const url = new URL(message.url ?? '/', 'http://s3');
  const [bucket = '', ...parts] = url.pathname.slice(1).split('/');
  const key = decodeURIComponent(parts.join('/'));
  const query = url.searchParams;
  // <access key>/<date>/<region>/s3/aws4_request, of a link in its query
  const signedWith = query.get('X-Amz-Credential') ?? message.headers.authorization ?? '';
  const credential = /(?:Credential=|^)([^/=]+)\/[^/]+\/([^/]+)\//.exec(signedWith);
  return {
    operation: operationOf(message.method ?? '', key !== '', query),
    bucket: decodeURIComponent(bucket),
    key,
    query,
    part: query.has('partNumber') ? Number(query.get('partNumber')) : undefined,
    accessKey: credential?.[1],
    region: credential?.[2],
    message,
  };
}

function operationOf(method: string, hasKey: boolean, query: URLSearchParams): Operation {
  return (hasKey ? onObject(method, query) : onBucket(method, query)) ?? 'Unknown';
}

function onObject(method: string, query: URLSearchParams): Operation | undefined {
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : undefined;
  if (query.has('uploadId')) {
    const ofUpload: Record<string, Operation> = {
      PUT: 'UploadPart',
      POST: 'CompleteMultipartUpload',
      DELETE: 'AbortMultipartUpload',
      GET: 'ListParts',
    };
    return ofUpload[method];
  }
  const ofObject: Record<string, Operation> = {
    PUT: 'PutObject',
    GET: 'GetObject',
    HEAD: 'HeadObject',
    DELETE: 'DeleteObject',
  };
  return ofObject[method];
}

function onBucket(method: string, query: URLSearchParams): Operation | undefined {
  if (method === 'POST') return query.has('delete') ? 'DeleteObjects' : undefined;
  if (method === 'PUT') return 'CreateBucket';
  if (method === 'HEAD') return 'HeadBucket';
  if (method !== 'GET') return undefined;
  if (query.has('location')) return 'GetBucketLocation';
  return query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
}
