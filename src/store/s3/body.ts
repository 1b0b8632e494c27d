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

export interface BodySignature {
  /** The Buffer's SHA-256, in hexadecimal: the SDK would make it itself. */
  readonly sha256: () => Promise<string>;
  /** Leave it out where TLS protects the bytes on their way; the AWS CLI does so as well. */
  readonly mayBeLeftOut: boolean;
  /** Called when it was left out. */
  readonly onLeftOut: () => void;
}

/**
 * Has a command's Buffer signed by its digest, which its request waits for, or not signed.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signBody(
  command: UploadPartCommand,
  { sha256, mayBeLeftOut, onLeftOut }: BodySignature,
): void {
  command.middlewareStack.add(
    next => async args => {
      if (!hasHeaders(args.request)) return next(args);
      const isLeftOut = mayBeLeftOut && args.request.protocol === 'https:';
      if (isLeftOut) onLeftOut();
      args.request.headers['x-amz-content-sha256'] = isLeftOut ? 'UNSIGNED-PAYLOAD' : await sha256();
      return next(args);
    },
    { step: 'build', name: 'signBody' },
  );
}

interface HttpRequest {
  readonly protocol: string;
  readonly headers: Record<string, string>;
}

function hasHeaders(request: unknown): request is HttpRequest {
  return typeof request === 'object' && request !== null && 'protocol' in request && 'headers' in request;
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
