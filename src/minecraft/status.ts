import * as v from 'valibot';
import { readVarInt } from './protocol.ts';

/** A status, without anything in it that could harm a log or a report. */
export interface ServerInfo {
  readonly version: string | undefined;
  readonly protocol: number | undefined;
  /** undefined: it does not tell, or not as a whole number from 0 on. */
  readonly online: number | undefined;
  readonly max: number | undefined;
  /** The sample of players that the server sends, which may be incomplete or empty: personal data. */
  readonly names: readonly string[];
}

const STATUS_RESPONSE = 0;

/**
 * Reads the response to a status request. Everything in it is optional: servers, their plug-ins and proxies leave fields
 * out, or fill them with values of other types, and an answer is a sign of life whatever it says.
 * @throws when it is another packet, or not a JSON object
 */
export function readStatus(packet: Buffer): ServerInfo {
  const { players, version } = validate(parse(jsonOf(packet)));
  return {
    version: version?.name || undefined,
    protocol: version?.protocol,
    online: players?.online,
    max: players?.max,
    names: (players?.sample ?? []).flatMap(player => (player?.name ? [player.name] : [])),
  };
}

function jsonOf(packet: Buffer): string {
  const id = readVarInt(packet);
  if (id?.value !== STATUS_RESPONSE) throw new Error('not a Minecraft server: its answer is no status');
  const length = readVarInt(packet, id.end);
  if (!length || length.end + length.value > packet.length) {
    throw new Error('not a Minecraft server: its status is cut short');
  }
  return packet.toString('utf8', length.end, length.end + length.value);
}

function parse(json: string): unknown {
  try {
    // Some have a byte order mark.
    return JSON.parse(json.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new Error('its status is not JSON', { cause });
  }
}

function validate(status: unknown): v.InferOutput<typeof StatusSchema> {
  const result = v.safeParse(StatusSchema, status);
  if (!result.success) throw new Error('its status is not a JSON object');
  return result.output;
}

const MAX_NAME_LENGTH = 64;

/** Control and format characters could forge log lines, colour a terminal or reverse its text. */
const printable = v.pipe(
  v.string(),
  v.transform(name =>
    name
      .slice(0, MAX_NAME_LENGTH)
      .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
      .trim(),
  ),
);

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const StatusSchema = v.object({
  version: lenient(
    v.object({ name: lenient(printable), protocol: lenient(v.pipe(v.number(), v.safeInteger())) }),
  ),
  players: lenient(
    v.object({
      online: lenient(count),
      max: lenient(count),
      sample: v.fallback(v.array(lenient(v.object({ name: lenient(printable) }))), []),
    }),
  ),
});

/** A field that may be missing or of another type: undefined then. */
function lenient<const Schema extends v.GenericSchema>(schema: Schema) {
  return v.fallback(v.optional(schema), undefined);
}
