import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import * as v from 'valibot';

export interface Sealer {
  /**
   * @param payload what JSON can hold; the shorter, the shorter the text
   * @returns 45 characters, and four for each three bytes of JSON: of base64url, so that it can stand in a URL
   */
  seal(payload: unknown, expiresMs: number): string;
  /** The payload, if it was sealed with the same secret and for the same purpose. */
  open<T>(text: string, schema: v.GenericSchema<unknown, T>, nowMs: number): Opened<T>;
}

export type Opened<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'expired' }
  /** Changed, cut off, of another purpose or secret, or what is inside does not fit the schema. */
  | { readonly kind: 'bad' };

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** Random ones: a key may seal 2^32 texts (NIST SP 800-38D, 8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Milliseconds since the epoch. */
const EXPIRY_BYTES = 6;

const Json = v.pipe(v.string(), v.parseJson());

/**
 * Makes texts that say nothing to whoever sees them, and that nobody else can make (AES-256-GCM), for what has to be
 * handed through a browser.
 * @param secret of all instances
 * @param purpose gives each use a key of its own (HKDF): what was sealed for one cannot be opened as another
 */
export function createSealer(secret: string, purpose: string): Sealer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `sealed ${purpose}`, KEY_BYTES));

  function decrypt(bytes: Buffer): Buffer | undefined {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const clear = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    try {
      decipher.final();
      return clear;
    } catch {
      // The tag is not that of these bytes: Node has no other answer to give.
      return undefined;
    }
  }

  return {
    seal(payload, expiresMs) {
      const json = JSON.stringify(payload);
      if (json === undefined) throw new TypeError('the payload has no JSON');
      const expiry = Buffer.alloc(EXPIRY_BYTES);
      expiry.writeUIntBE(expiresMs, 0, EXPIRY_BYTES);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      const parts = [nonce, cipher.update(expiry), cipher.update(json, 'utf8'), cipher.final()];
      return Buffer.concat([...parts, cipher.getAuthTag()]).toString('base64url');
    },
    open(text, schema, nowMs) {
      const bytes = Buffer.from(text, 'base64url');
      // Decoding skips what is not of the alphabet: one seal has one text.
      if (bytes.toString('base64url') !== text) return { kind: 'bad' };
      if (bytes.length <= NONCE_BYTES + EXPIRY_BYTES + TAG_BYTES) return { kind: 'bad' };
      const clear = decrypt(bytes);
      if (clear === undefined) return { kind: 'bad' };
      if (nowMs >= clear.readUIntBE(0, EXPIRY_BYTES)) return { kind: 'expired' };
      const { success, output } = v.safeParse(
        v.pipe(Json, schema),
        clear.subarray(EXPIRY_BYTES).toString('utf8'),
      );
      return success ? { kind: 'ok', value: output } : { kind: 'bad' };
    },
  };
}
