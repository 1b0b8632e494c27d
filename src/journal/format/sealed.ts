import { crc32 } from 'node:zlib';

/**
 * JSON that tells whether it is whole. Where a byte is changed on the way that neither HTTP nor a store notices, a
 * segment's checksums tell; of JSON a wrong digit is as good as a right one.
 */
export function seal(value: object): string {
  const text = JSON.stringify(value);
  return `${text.slice(0, -1)},"seal":"${sealOf(text)}"}`;
}

/**
 * Parses what was sealed, or was written by an earlier version, without a seal.
 * @throws {Error} when it is not as it was written
 */
export function unseal(json: string): unknown {
  const [end = '', sealed] = /,"seal":"([0-9a-f]{8})"\}$/.exec(json) ?? [];
  if (sealed !== undefined && sealOf(`${json.slice(0, -end.length)}}`) !== sealed)
    throw new Error('it is not as it was written: its checksum does not match');
  return JSON.parse(json);
}

function sealOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
