import { Readable } from 'node:stream';
import type { CompleteMultipartUploadCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';

const SLICE_BYTES = 131_072;

/**
 * Makes a command send its Buffer in slices, so that a stall shows within a part (and TLS does not encrypt a whole
 * part at once). Checksums and the signature are the Buffer's, made before: the SDK's last step is the sending.
 * @param onSent called with the bytes that have been sent so far
 */
export function sendInSlices(
  command: PutObjectCommand | UploadPartCommand,
  onSent: (bytes: number) => void,
): void {
  const body = command.input.Body;
  if (!Buffer.isBuffer(body) || body.length <= SLICE_BYTES) return;
  const stack: Pick<UploadPartCommand['middlewareStack'], 'add'> = command.middlewareStack;
  stack.add(
    next => args => {
      if (typeof args.request !== 'object') return next(args);
      return next({ ...args, request: { ...args.request, body: slicesOf(body, onSent) } });
    },
    { step: 'deserialize', priority: 'low', name: 'sendInSlices' },
  );
}

/**
 * Leaves a command's Buffer out of its signature where TLS protects it on its way, which saves a digest of it; the AWS
 * CLI does so as well. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 * @param onLeft called when it was left out
 */
export function leaveUnsigned(command: UploadPartCommand, onLeft: () => void): void {
  command.middlewareStack.add(
    next => args => {
      if (!isOverTls(args.request)) return next(args);
      onLeft();
      args.request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'leaveUnsigned' },
  );
}

interface HttpRequest {
  readonly protocol: string;
  readonly headers: Record<string, string>;
}

function isOverTls(request: unknown): request is HttpRequest {
  return (
    typeof request === 'object' && request !== null && 'protocol' in request && request.protocol === 'https:'
  );
}

function slicesOf(body: Buffer, onSent: (bytes: number) => void): Readable {
  let at = 0;
  return new Readable({
    highWaterMark: SLICE_BYTES,
    read() {
      onSent(at);
      const slice = body.subarray(at, at + SLICE_BYTES);
      at += slice.length;
      this.push(slice.length === 0 ? null : slice);
    },
  });
}

/**
 * Has a command's answer watched as it comes in.
 * @param onReceived called for its head and for all bytes of its body
 */
export function noteReceived(command: CompleteMultipartUploadCommand, onReceived: () => void): void {
  command.middlewareStack.add(
    next => async args => {
      const result = await next(args);
      onReceived();
      const { response } = result;
      const hasBody = typeof response === 'object' && response !== null && 'body' in response;
      if (hasBody && response.body instanceof Readable)
        response.body = Readable.from(noted(response.body, onReceived));
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'noteReceived' },
  );
}

async function* noted(body: Readable, onReceived: () => void): AsyncGenerator<Buffer> {
  for await (const bytes of body) {
    onReceived();
    yield bytes;
  }
}
